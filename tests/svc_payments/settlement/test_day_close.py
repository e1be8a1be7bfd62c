"""Day close: what is payable to a provider, what is held back, and that nothing is settled twice."""

from datetime import date, time, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from chassis.db import Database, new_id
from chassis.testing import emitted
from kit.calendar import today
from svc_payments.billing.terms.models import TermsApproval, TermsVersion
from svc_payments.ledger.queries import trial_balance
from svc_payments.reconciliation.discrepancies.models import Discrepancy, DiscrepancyStatus, Resolution
from svc_payments.settings import Settings
from svc_payments.settlement.day_close import DayNotOver, close_day
from svc_payments.settlement.models import Settlement, SettlementLine
from tests.svc_payments.reconciliation.runs.books import SamplePayment, ingest, reconcile, statement_of
from tests.svc_payments.settlement.bookings import DAY, add_booked_payment, reverse_booking

MIDNIGHT = timedelta(hours=1)
NEXT = DAY + timedelta(days=1)


async def close(database: Database, day: date = DAY) -> list[Settlement]:
    async with database.transaction() as tx:
        return list(await close_day(tx, day, MIDNIGHT))


async def reconciled(database: Database, settings: Settings, *payments: SamplePayment, day: date = DAY) -> None:
    await ingest(database, statement_of(*payments, day=day), day=day)
    await reconcile(database, settings, day)


async def payable(database: Database) -> int:
    """The amount payable to providers in the ledger."""
    async with database.read() as tx:
        balance = await trial_balance(tx)
    assert balance.balance_fen == 0
    return -sum(account.balance_fen for account in balance.accounts if account.kind == "provider_payable")


async def test_a_day_is_closed_with_what_was_booked(database: Database, settings: Settings, provider_id: UUID) -> None:
    async with database.transaction() as tx:
        first, _ = await add_booked_payment(tx, provider_id, 4140)
        second, _ = await add_booked_payment(tx, provider_id, 1000, 2500)
    await reconciled(database, settings, first, second)
    (settlement,) = await close(database)
    assert (settlement.bookings, settlement.booked_fen, settlement.fee_fen) == (3, 7640, 0)
    assert settlement.payable_fen == 7640 == await payable(database)


async def test_closing_a_day_again_changes_nothing(database: Database, settings: Settings, provider_id: UUID) -> None:
    async with database.transaction() as tx:
        payment, _ = await add_booked_payment(tx, provider_id, 4140)
    await reconciled(database, settings, payment)
    assert len(await close(database)) == 1
    assert await close(database) == []


async def test_today_is_not_closed(database: Database) -> None:
    with pytest.raises(DayNotOver):
        await close(database, today())


async def test_no_movement_is_settled_twice(database: Database, settings: Settings, provider_id: UUID) -> None:
    async with database.transaction() as tx:
        payment, _ = await add_booked_payment(tx, provider_id, 4140)
    await reconciled(database, settings, payment)
    await close(database)
    assert await close(database, NEXT) == []  # the overlap with the day before settles nothing again


async def test_late_bookings_settle_with_the_next_day(
    database: Database, settings: Settings, provider_id: UUID
) -> None:
    async with database.transaction() as tx:
        early, _ = await add_booked_payment(tx, provider_id, 100)
    await reconciled(database, settings, early)
    await close(database)
    async with database.transaction() as tx:
        late, _ = await add_booked_payment(tx, provider_id, 200)
    await reconciled(database, settings, early, late)
    (settlement,) = await close(database, NEXT)
    assert settlement.booked_fen == 200


async def test_a_reversed_booking_is_not_settled(database: Database, settings: Settings, provider_id: UUID) -> None:
    async with database.transaction() as tx:
        payment, (_, back) = await add_booked_payment(tx, provider_id, 1000, 300)
        await reverse_booking(tx, back)
    await reconciled(database, settings, payment)
    (settlement,) = await close(database)
    assert (settlement.booked_fen, settlement.returned_fen, settlement.payable_fen) == (1300, 300, 1000)


async def test_a_negative_balance_waits_for_bookings(database: Database, settings: Settings, provider_id: UUID) -> None:
    async with database.transaction() as tx:
        payment, (posting,) = await add_booked_payment(tx, provider_id, 1000)
    await reconciled(database, settings, payment)
    await close(database)
    async with database.transaction() as tx:
        await reverse_booking(tx, posting, NEXT)
    assert await close(database, NEXT) == []
    async with database.transaction() as tx:
        further, _ = await add_booked_payment(tx, provider_id, 1500, day=NEXT)
    await reconciled(database, settings, further, day=NEXT)
    (settlement,) = await close(database, NEXT)
    assert settlement.payable_fen == 500


async def test_money_of_a_day_that_is_not_reconciled_is_held_back(
    database: Database, settings: Settings, provider_id: UUID
) -> None:
    async with database.transaction() as tx:
        payment, _ = await add_booked_payment(tx, provider_id, 4140)
    assert await close(database) == []
    await reconciled(database, settings, payment)
    assert [settlement.payable_fen for settlement in await close(database)] == [4140]


async def test_the_last_hour_waits_for_the_next_statement(
    database: Database, settings: Settings, provider_id: UUID
) -> None:
    async with database.transaction() as tx:
        noon, _ = await add_booked_payment(tx, provider_id, 100)
        last, _ = await add_booked_payment(tx, provider_id, 2000, at=time(23, 30))
    await reconciled(database, settings, noon, last)
    (settlement,) = await close(database)
    assert (settlement.payable_fen, settlement.held_fen, settlement.held_bookings) == (100, 2000, 1)
    await reconciled(database, settings, day=NEXT)
    (later,) = await close(database, NEXT)
    assert later.payable_fen == 2000


async def test_an_open_discrepancy_holds_back_its_payment_only(
    database: Database, settings: Settings, provider_id: UUID
) -> None:
    async with database.transaction() as tx:
        right, _ = await add_booked_payment(tx, provider_id, 100)
        await add_booked_payment(tx, provider_id, 2000)
    await reconciled(database, settings, right)
    (settlement,) = await close(database)
    assert (settlement.payable_fen, settlement.held_fen) == (100, 2000)
    async with database.transaction() as tx:
        closed = {"status": DiscrepancyStatus.CLOSED, "resolution": Resolution.SETTLED}
        await tx.execute(update(Discrepancy).values(closed))
    (later,) = await close(database, NEXT)
    assert later.payable_fen == 2000


async def test_fees_follow_the_terms_and_the_fixed_part_is_charged_once(
    database: Database, settings: Settings, provider_id: UUID
) -> None:
    await add_terms(database, provider_id, {"basis_points": 38, "fixed_fen": 5})
    async with database.transaction() as tx:
        payment, _ = await add_booked_payment(tx, provider_id, 10_000, 20_000)
    await reconciled(database, settings, payment)
    (settlement,) = await close(database)
    assert (settlement.fee_fen, settlement.payable_fen) == (114 + 5, 30_000 - 119)
    assert await payable(database) == 30_000 - 119


async def test_a_fee_that_the_platform_bears_is_not_charged(
    database: Database, settings: Settings, provider_id: UUID
) -> None:
    await add_terms(database, provider_id, {"basis_points": 38, "borne_by": "platform"})
    async with database.transaction() as tx:
        payment, _ = await add_booked_payment(tx, provider_id, 10_000)
    await reconciled(database, settings, payment)
    (settlement,) = await close(database)
    assert settlement.fee_fen == 0


async def add_terms(database: Database, provider_id: UUID, fee: dict[str, object]) -> None:
    """Terms in force since before the day."""
    proposed_by, since = new_id(), DAY - timedelta(days=30)
    document = {"channels": [{"channel": "sandbox", "fee": fee}]}
    version = TermsVersion(
        provider_id=provider_id, version=1, wanted_from=since, document=document, reason="协议", proposed_by=proposed_by
    )
    approval = TermsApproval(
        provider_id=provider_id, version=1, proposed_by=proposed_by, approved_by=new_id(), in_force_from=since
    )
    async with database.transaction() as tx:
        tx.add(version)
        await tx.flush()
        tx.add(approval)


@pytest.mark.parametrize("change", ["amount_fen = 1", "settlement_id = NULL", "provider_id = uuidv7()"])
async def test_a_settled_line_cannot_be_changed(
    database: Database, settings: Settings, provider_id: UUID, change: str
) -> None:
    async with database.transaction() as tx:
        payment, _ = await add_booked_payment(tx, provider_id, 4140)
    await reconciled(database, settings, payment)
    await close(database)
    with pytest.raises(DBAPIError, match="final"):
        async with database.transaction() as tx:
            await tx.execute(text(f"UPDATE settlement_lines SET {change}"))  # noqa: S608 - written above


async def test_a_line_cannot_be_removed(database: Database, provider_id: UUID) -> None:
    async with database.transaction() as tx:
        await add_booked_payment(tx, provider_id, 4140)
    await close(database)
    with pytest.raises(DBAPIError, match="only ever added to"):
        async with database.transaction() as tx:
            await tx.execute(text("DELETE FROM settlement_lines"))


async def test_a_settlement_is_published_with_its_amount(
    database: Database, settings: Settings, provider_id: UUID
) -> None:
    async with database.transaction() as tx:
        payment, _ = await add_booked_payment(tx, provider_id, 4140)
    await reconciled(database, settings, payment)
    (settlement,) = await close(database)
    async with database.read() as tx:
        events = [event for event in await emitted(tx) if ".settlement." in event.type]
        lines = (await tx.scalars(select(SettlementLine.amount_fen))).all()
    assert [(event.key, event.data["payable_fen"]) for event in events] == [(str(settlement.id), 4140)]
    assert lines == [4140]
