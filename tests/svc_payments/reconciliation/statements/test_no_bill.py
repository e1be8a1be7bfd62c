"""A channel that has no bill of a day has an empty one: nothing waits for a file that will never come."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date, time, timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import select

from chassis.db import Database
from kit.calendar import today
from svc_payments.channels.provider import NoStatement
from svc_payments.operations.dashboard.gauges import STATEMENTS
from svc_payments.operations.dashboard.metrics import measure_books
from svc_payments.reconciliation.discrepancies.models import Discrepancy
from svc_payments.reconciliation.runs.models import Run
from svc_payments.reconciliation.runs.worker import work_off
from svc_payments.reconciliation.statements import service as statements
from svc_payments.reconciliation.statements.downloads import fetch, fetch_missing
from svc_payments.reconciliation.statements.models import Source, Statement
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.doubles.alipay import AlipayDouble
from tests.svc_payments.channels.doubles.unionpay import UnionpayDouble
from tests.svc_payments.channels.doubles.wechat import WechatDouble
from tests.svc_payments.channels.rigs.alipay import AlipayRig
from tests.svc_payments.channels.rigs.registry import running
from tests.svc_payments.channels.rigs.unionpay import UnionpayRig
from tests.svc_payments.channels.rigs.wechat import WechatRig
from tests.svc_payments.reconciliation.runs.books import capture, ingest, reconcile, sample_payment, statement_of
from tests.svc_payments.settlement.bookings import DAY, add_booked_payment
from tests.svc_payments.settlement.test_day_close import NEXT, close, reconciled

AnyRig = AlipayRig | UnionpayRig | WechatRig
RIGS: dict[str, Callable[[], AnyRig]] = {
    "alipay": lambda: AlipayRig(AlipayDouble(), "page"),
    "unionpay": lambda: UnionpayRig(UnionpayDouble()),
    "wechat": lambda: WechatRig(WechatDouble()),
}


@pytest_asyncio.fixture(params=sorted(RIGS))
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[AnyRig]:
    """Each national channel, running, without any bill."""
    rig = RIGS[request.param]()
    async with running(rig):
        yield rig


def with_channel(settings: Settings, rig: AnyRig) -> Settings:
    return settings.model_copy(update={rig.name.value: rig.settings, "statements_from_hour": 0})


async def kept(database: Database, channel: str) -> Sequence[tuple[date, int, int]]:
    """Day, version and lines of the channel's statements."""
    async with database.read() as tx:
        query = select(Statement.day, Statement.version, Statement.lines).where(
            Statement.source == Source.CHANNEL, Statement.holder == channel
        )
        return [(day, version, lines) for day, version, lines in await tx.execute(query.order_by(Statement.id))]


class NoBill:
    """The sandbox channel on a day without a bill; it has none of its own."""

    async def statement(self, day: date) -> AsyncIterator[bytes]:
        raise NoStatement(f"no bill of {day}")
        yield b""


async def test_no_bill_is_kept_as_an_empty_one_and_reconciled(
    database: Database, settings: Settings, rig: AnyRig
) -> None:
    ours = with_channel(settings, rig)
    for _ in range(2):
        await fetch_missing(database, ours)
    assert await kept(database, rig.name) == [(today() - timedelta(days=back), 1, 0) for back in (3, 2, 1)]
    await work_off(database, ours)
    async with database.read() as tx:
        runs = await tx.execute(select(Run.phase, Run.lines, Run.failure).where(Run.holder == rig.name))
        assert {tuple(run) for run in runs} == {("finished", 0, None)}


async def test_a_booking_of_the_last_hour_is_paid_when_the_next_day_has_no_bill(
    database: Database, settings: Settings, provider_id: UUID
) -> None:
    async with database.transaction() as tx:
        last, _ = await add_booked_payment(tx, provider_id, 2000, at=time(23, 30))
    await reconciled(database, settings, last)
    assert await close(database) == []
    statement = await fetch(
        database, settings.model_copy(update={"statements_from_hour": 0}), ChannelName.SANDBOX, NoBill(), NEXT
    )
    assert (statement.lines, statement.in_fen) == (0, 0)
    await work_off(database, settings)
    (settlement,) = await close(database, NEXT)
    assert settlement.payable_fen == 2000


async def test_a_denied_bill_of_a_day_with_money_is_there_and_a_difference_until_it_comes(
    database: Database, settings: Settings
) -> None:
    async with database.transaction() as tx:
        paid = sample_payment(4140, day=DAY)
        await capture(tx, paid)
    early = settings.model_copy(update={"statements_from_hour": 0})
    await fetch(database, early, ChannelName.SANDBOX, NoBill(), DAY)
    await measure_books(database, early)
    gauge = {sample.labels["channel"]: sample.value for metric in STATEMENTS.collect() for sample in metric.samples}
    assert gauge.get("sandbox", 0) == 0
    await work_off(database, early)
    async with database.read() as tx:
        assert [case.result for case in await tx.scalars(select(Discrepancy))] == ["shortage"]
    # The bill was only late: it is the next version, and the difference is gone.
    await ingest(database, statement_of(paid, day=DAY), day=DAY)
    await reconcile(database, settings, DAY)
    async with database.read() as tx:
        assert [case.status for case in await tx.scalars(select(Discrepancy))] == ["closed"]
    assert await kept(database, "sandbox") == [(DAY, 1, 0), (DAY, 2, 1)]


async def test_of_a_day_with_money_the_channel_is_not_believed_too_early(
    database: Database, settings: Settings
) -> None:
    async with database.transaction() as tx:
        await capture(tx, sample_payment(4140, day=today()))
    for day in (today(), today() + timedelta(days=1)):
        with pytest.raises(NoStatement):
            await fetch(database, settings, ChannelName.SANDBOX, NoBill(), day)
    assert await kept(database, "sandbox") == []


async def test_a_bill_that_is_being_made_is_not_an_empty_one(database: Database, settings: Settings) -> None:
    rig = WechatRig(WechatDouble())
    async with running(rig):
        rig.double.faults += [("/tradebill", 400, "STATEMENT_CREATING")] * 3
        await fetch_missing(database, with_channel(settings, rig))
        assert await kept(database, "wechat") == []


async def test_the_word_of_a_channel_never_replaces_a_bill(database: Database, settings: Settings) -> None:
    paid = sample_payment(4140, day=DAY)
    bill = await ingest(database, statement_of(paid, day=DAY), day=DAY)
    async with database.transaction() as tx:
        assert (await statements.take_in_none(tx, statements.of_channel("sandbox"), DAY))[0].id == bill.id
    again = await fetch(
        database, settings.model_copy(update={"statements_from_hour": 0}), ChannelName.SANDBOX, NoBill(), DAY
    )
    assert again.id == bill.id
