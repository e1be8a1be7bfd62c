"""Bookings in a provider's statement against the ledger."""

from datetime import date
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.postings.models import Posting
from svc_payments.reconciliation.runs.models import Run
from svc_payments.reconciliation.runs.worker import work_off
from svc_payments.reconciliation.statements.layouts.provider import HEADER
from svc_payments.reconciliation.statements.models import StatementLine
from svc_payments.settings import Settings
from tests.svc_payments.conftest import approved_provider
from tests.svc_payments.reconciliation.runs.test_runs import counts, discrepancies
from tests.svc_payments.settlement.bookings import DAY, add_booked_payment, reverse_booking


async def upload(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, *lines: str, day: date = DAY
) -> httpx.Response:
    return await api.put(
        f"/payments/v1/posting-statements/{day}",
        content="\n".join([HEADER, *lines, ""]).encode("gb18030"),
        headers=tokens.client(provider_id, "bills:write") | {"Content-Type": "text/csv"},
    )


def line(posting_id: object, yuan: str, state: str = "booked", *, receipt: str = "", bill: str = "") -> str:
    return f"{posting_id},{receipt},{bill},1000000005,{yuan},{state},{DAY} 12:00:00,R-1"


async def run_after_upload(database: Database, settings: Settings) -> Run:
    """The finished run that the upload requested."""
    await work_off(database, settings)
    async with database.read() as tx:
        return (await tx.scalars(select(Run).order_by(Run.id.desc()).limit(1))).one()


async def test_a_providers_books_match_by_posting_or_by_receipt(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, settings: Settings, provider_id: UUID
) -> None:
    async with database.transaction() as tx:
        _, (first, second) = await add_booked_payment(tx, provider_id, 1000, 2500)
        posting = await tx.get_one(Posting, second)
        by_receipt = line("", "25.00", receipt=posting.receipt_number, bill=posting.bill_number)
    answer = await upload(api, tokens, provider_id, line(first, "10.00"), by_receipt)
    assert (answer.status_code, answer.json()["lines"], answer.json()["in_fen"]) == (200, 2, 3500)
    assert counts(await run_after_upload(database, settings)) == {"matched": 2}


async def test_every_difference_of_a_provider_is_a_discrepancy(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, settings: Settings, provider_id: UUID
) -> None:
    async with database.transaction() as tx:
        _, (right, _missing, other_amount, refused_there) = await add_booked_payment(
            tx, provider_id, 1000, 2000, 3000, 4000
        )
    await upload(
        api,
        tokens,
        provider_id,
        line(right, "10.00"),
        line(other_amount, "30.01"),
        line(refused_there, "40.00", "refused"),
        line(new_id(), "0.07"),
    )
    run = await run_after_upload(database, settings)
    assert counts(run) == {"matched": 1, "excess": 1, "shortage": 1, "amount_differs": 1, "state_differs": 1}
    found = [(result, fen) for result, fen, _ in await discrepancies(database)]
    assert sorted(found) == [("amount_differs", 1), ("excess", 7), ("shortage", -2000), ("state_differs", -4000)]


async def test_a_booking_with_unknown_outcome_matches_by_its_posting(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, settings: Settings, provider_id: UUID
) -> None:
    async with database.transaction() as tx:
        _, (known,) = await add_booked_payment(tx, provider_id, 1000)
        unknown = await tx.get_one(Posting, known)
        payment = await tx.get_one(Payment, unknown.payment_id)
        unanswered = Posting(
            id=new_id(),
            payment_id=await _another_payment(tx, payment),
            bill_id=unknown.bill_id,
            provider_id=provider_id,
            receipt_number="202610010000000009",
            bill_number=unknown.bill_number,
            account_number=unknown.account_number,
            amount_fen=500,
            paid_at=unknown.paid_at,
            status="unknown",
        )
        tx.add(unanswered)
    await upload(api, tokens, provider_id, line(known, "10.00"), line(unanswered.id, "5.00"))
    assert counts(await run_after_upload(database, settings)) == {"matched": 1, "state_differs": 1}


async def _another_payment(tx: AsyncSession, like: Payment) -> UUID:
    payment = Payment(
        id=new_id(),
        person_id=like.person_id,
        provider_id=like.provider_id,
        channel=like.channel,
        amount_fen=500,
        status="posting",
        held=False,
        expires_at=like.expires_at,
        lines=[],
        attempt=None,
    )
    tx.add(payment)
    await tx.flush()
    return payment.id


async def test_a_reversed_booking_may_be_missing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, settings: Settings, provider_id: UUID
) -> None:
    async with database.transaction() as tx:
        _, (posting,) = await add_booked_payment(tx, provider_id, 1000)
        await reverse_booking(tx, posting)
    await upload(api, tokens, provider_id)
    assert counts(await run_after_upload(database, settings)) == {}


async def test_a_posting_may_appear_once(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> None:
    posting = new_id()
    answer = await upload(api, tokens, provider_id, line(posting, "10.00"), line(posting, "10.00"))
    assert (answer.status_code, answer.json()["code"], answer.json()["row"]) == (422, "statement_line_twice", 3)


async def test_a_posting_may_appear_once_by_its_id_and_by_its_receipt(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    async with database.transaction() as tx:
        _, (booked,) = await add_booked_payment(tx, provider_id, 1000)
        posting = await tx.get_one(Posting, booked)
        by_id = line(booked, "10.00")
        by_receipt = line("", "10.00", receipt=posting.receipt_number, bill=posting.bill_number)
    answer = await upload(api, tokens, provider_id, line(new_id(), "1.00"), by_id, by_receipt)
    assert (answer.status_code, answer.json()["code"], answer.json()["row"]) == (422, "statement_line_twice", 4)


async def test_the_same_file_again_changes_nothing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, settings: Settings, provider_id: UUID
) -> None:
    first = (await upload(api, tokens, provider_id, line(new_id(), "10.00"))).json()
    await run_after_upload(database, settings)
    async with database.read() as tx:
        again = line((await tx.scalars(select(StatementLine.number))).one(), "10.00")
    assert (await upload(api, tokens, provider_id, again)).json() == first
    other = (await upload(api, tokens, provider_id, again, line(new_id(), "10.00"))).json()
    assert (other["version"], other["lines"]) == (2, 2)


async def test_a_provider_uploads_only_its_own_statements(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, settings: Settings, provider_id: UUID
) -> None:
    other = await approved_provider(database)
    async with database.transaction() as tx:
        _, (posting,) = await add_booked_payment(tx, provider_id, 1000)
    await upload(api, tokens, other, line(posting, "10.00"))
    run = await run_after_upload(database, settings)
    assert (run.holder, counts(run)) == (str(other), {"excess": 1})
    listed = await api.get("/payments/v1/statements", headers=tokens.client(provider_id, "bills:write"))
    assert listed.json()["items"] == []


@pytest.mark.parametrize("day", ["2999-01-01", "yesterday"])
async def test_impossible_days_are_refused(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, day: str) -> None:
    answer = await api.put(
        f"/payments/v1/posting-statements/{day}", content=HEADER, headers=tokens.client(provider_id, "bills:write")
    )
    assert answer.status_code == 422


async def test_residents_cannot_upload_statements(api: httpx.AsyncClient, tokens: Tokens) -> None:
    answer = await api.put(f"/payments/v1/posting-statements/{DAY}", content=HEADER, headers=tokens.resident())
    assert answer.status_code == 403
