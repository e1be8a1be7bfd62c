"""WeChat Pay's bill dates a refund by its acceptance and never updates its state: that is money out on that day."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database
from chassis.testing import Tokens, once
from svc_payments.collection.refunds.models import Refund, RefundStatus
from svc_payments.ledger import service as ledger
from svc_payments.ledger.models import TransferKind
from svc_payments.reconciliation.discrepancies.models import Discrepancy
from svc_payments.reconciliation.runs.models import Finding
from svc_payments.reconciliation.statements import service as statements
from svc_payments.reconciliation.statements.layouts.wechat import HEADER, SUMMARY
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.reconciliation.runs.books import (
    DAY,
    SamplePayment,
    add_refund,
    capture,
    ingest,
    reconcile,
    sample_payment,
)
from tests.svc_payments.reconciliation.runs.test_runs import counts

WECHAT = statements.of_channel(ChannelName.WECHAT)
ACCEPTED = DAY - timedelta(days=12)


def bill(
    payment: SamplePayment | None, refund_number: str = "", *, back: str = "5.00", state: str = "PROCESSING"
) -> bytes:
    """A day's bill: ¥33.75 paid with a fee of 0.20, and of it refunded with a fee of 0.03."""
    rows, total = [], "`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00"
    if payment:
        day = f"{payment.at:%Y-%m-%d}"
        usual = f"`wx0000000000000001,`my-ili,`0,`,`{payment.transaction_id},`{payment.order_number},`oUser,`NATIVE"
        paid = "`SUCCESS,`OTHERS,`CNY,`33.75,`0.00,`0,`0,`0.00,`0.00,`,`,`生活缴费,`,`0.20000,`0.60%,`33.75,`0.00,`"
        accepted = f"`5030001,`{refund_number},`{back},`0.00,`ORIGINAL,`{state},`生活缴费,`,`-0.03000,`0.60%"
        refund = f"`REFUND,`OTHERS,`CNY,`0.00,`0.00,{accepted},`0.00,`{back},`"
        rows = [f"`{day} 10:00:00,{usual},{paid}", f"`{day} 20:00:00,{usual},{refund}"]
        out = "0.00" if state in {"FAIL", "REFUNDCLOSE"} else back
        total = f"`2,`33.75,`{out},`0.00,`0.17000,`33.75,`{back}"
    return ("\ufeff" + "\r\n".join([HEADER, *rows, SUMMARY, total, ""])).encode()


async def accepted(database: Database, **changes: str) -> tuple[str, SamplePayment]:
    """A refund that the channel accepted on the first day, and its bill; it has no outcome here."""
    payment = sample_payment(3375, at=time(10), day=ACCEPTED)
    async with database.transaction() as tx:
        (payment_id,) = await capture(tx, payment, channel=ChannelName.WECHAT)
        number = await add_refund(tx, payment_id, payment, 500, done=False)
    await ingest(database, bill(payment, number, **changes), WECHAT, ACCEPTED)
    return number, payment


async def succeed(tx: AsyncSession, number: str, day: date) -> None:
    refunded_at = datetime.combine(day, time(15), CHINA)
    done = update(Refund).where(Refund.number == number).values(status=RefundStatus.REFUNDED, refunded_at=refunded_at)
    refund_id = await tx.scalar(done.returning(Refund.id))
    await ledger.transfer(
        tx,
        TransferKind.REFUND_PAID,
        refund_id or UUID(int=0),
        debit=ledger.refunds("wechat"),
        credit=ledger.channel_receivable("wechat"),
        amount_fen=500,
    )


async def cases(database: Database) -> list[tuple[str, int]]:
    async with database.read() as tx:
        rows = await tx.execute(select(Discrepancy.result, Discrepancy.difference_fen))
        return [(result, fen) for result, fen in rows]


@pytest.mark.parametrize(
    ("state", "out_fen"), [("PROCESSING", 500), ("CHANGE", 500), ("SUCCESS", 500), ("FAIL", 0), ("REFUNDCLOSE", 0)]
)
async def test_money_that_left_is_out_that_day_and_the_days_funds_are_confirmed(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, settings: Settings, state: str, out_fen: int
) -> None:
    number, _ = await accepted(database, state=state)
    if state == "SUCCESS":
        async with database.transaction() as tx:
            await succeed(tx, number, ACCEPTED)
    run = await reconcile(database, settings, ACCEPTED, WECHAT)
    assert (counts(run), await cases(database)) == ({"matched": 2 if state == "SUCCESS" else 1}, [])
    async with database.read() as tx:
        statement = await statements.current(tx, WECHAT, ACCEPTED)
    assert statement is not None
    assert (statement.in_fen, statement.out_fen, statement.fee_fen) == (3375, out_fen, 17)
    answer = await api.post(
        f"/payments/v1/statements/{statement.id}/funds",
        json={"amount_fen": 3375 - out_fen - 17, "reason": "与银行流水相符"},
        headers=tokens.staff("operator") | once(),
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("days", [0, 1, 7, 12])
@pytest.mark.parametrize("before", [True, False], ids=["judged_before", "judged_after"])
async def test_it_agrees_with_a_success_on_whichever_day(
    database: Database, settings: Settings, days: int, *, before: bool
) -> None:
    number, _ = await accepted(database)
    day = ACCEPTED + timedelta(days=days)
    if before:
        await reconcile(database, settings, ACCEPTED, WECHAT)
    async with database.transaction() as tx:
        await succeed(tx, number, day)
    if days:
        await ingest(database, bill(None), WECHAT, day)
        assert counts(await reconcile(database, settings, day, WECHAT)) == {"late": 1}
    run = await reconcile(database, settings, ACCEPTED, WECHAT)
    assert counts(run) == ({"matched": 1, "late": 1} if days else {"matched": 2})
    assert await cases(database) == []


async def test_one_that_failed_here_or_has_another_amount_is_a_difference(
    database: Database, settings: Settings
) -> None:
    number, _ = await accepted(database, back="5.01")
    async with database.transaction() as tx:
        await succeed(tx, number, ACCEPTED)
    await reconcile(database, settings, ACCEPTED, WECHAT)
    failed, payment = await accepted(database)
    async with database.transaction() as tx:
        await tx.execute(update(Refund).where(Refund.number == failed).values(status=RefundStatus.FAILED))
    run = await reconcile(database, settings, ACCEPTED, WECHAT)
    async with database.read() as tx:
        of_failed = select(Finding.result, Finding.difference_fen).where(
            Finding.run_id == run.id, Finding.number == failed
        )
        assert [tuple(row) for row in await tx.execute(of_failed)] == [("state_differs", -500)]
    assert ("amount_differs", -1) in await cases(database)
    assert payment.amount_fen == 3375


async def test_a_refund_that_the_bill_never_had_is_still_a_shortage(database: Database, settings: Settings) -> None:
    number, _ = await accepted(database)
    async with database.transaction() as tx:
        payment_id = await tx.scalar(select(Refund.payment_id).where(Refund.number == number))
        other = sample_payment(3375, at=time(10), day=DAY)
        await add_refund(tx, payment_id or UUID(int=0), other, 700, channel=ChannelName.WECHAT)
    await ingest(database, bill(None), WECHAT, DAY)
    assert counts(await reconcile(database, settings, DAY, WECHAT)) == {"excess": 1}
    assert await cases(database) == [("excess", 700)]
