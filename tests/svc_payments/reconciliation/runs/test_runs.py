"""A day's statement against the ledger."""

from dataclasses import replace
from datetime import time, timedelta

import pytest
from sqlalchemy import select

from chassis.db import Database
from chassis.testing import emitted
from svc_payments.ledger.queries import trial_balance
from svc_payments.reconciliation.discrepancies.models import Discrepancy
from svc_payments.reconciliation.runs.models import Phase, Run
from svc_payments.reconciliation.runs.service import RunUnderWay, StatementMissing, carry_out, request
from svc_payments.settings import Settings
from tests.svc_payments.reconciliation.runs.books import (
    CHANNEL,
    DAY,
    capture,
    ingest,
    reconcile,
    sample_payment,
    statement_of,
    with_higher_amount,
)

NEXT = DAY + timedelta(days=1)
BEFORE_MIDNIGHT, AFTER_MIDNIGHT = time(23, 59, 58), time(0, 0, 2)


async def discrepancies(database: Database) -> list[tuple[str, int, str]]:
    """(result, difference, status) of every discrepancy, in order."""
    async with database.read() as tx:
        found = await tx.scalars(select(Discrepancy).order_by(Discrepancy.id))
        return [(discrepancy.result, discrepancy.difference_fen, discrepancy.status) for discrepancy in found]


async def balances(database: Database) -> dict[str, int]:
    async with database.read() as tx:
        balance = await trial_balance(tx)
    assert balance.balance_fen == 0
    return {account.kind: account.balance_fen for account in balance.accounts if account.kind != "person_clearing"}


def counts(run: Run) -> dict[str, int]:
    """The counts of a run that are not 0."""
    names = ("matched", "late", "carried_over", "excess", "shortage", "amount_differs", "state_differs")
    return {name: getattr(run, name) for name in names if getattr(run, name)}


async def test_equal_sides_match_and_open_nothing(database: Database, settings: Settings) -> None:
    payments = [sample_payment(), sample_payment(), sample_payment()]
    async with database.transaction() as tx:
        await capture(tx, *payments)
    await ingest(database, statement_of(*payments))
    run = await reconcile(database, settings)
    assert (run.phase, run.lines, run.movements, counts(run)) == (Phase.FINISHED, 3, 3, {"matched": 3})
    assert run.started_at is not None
    assert run.finished_at is not None
    assert run.started_at < run.finished_at
    assert await discrepancies(database) == []


async def test_each_difference_is_a_discrepancy_and_held_in_suspense(database: Database, settings: Settings) -> None:
    right, missing_here, missing_there, other_amount = (
        sample_payment(),
        sample_payment(100),
        sample_payment(2000),
        sample_payment(30000),
    )
    async with database.transaction() as tx:
        await capture(tx, right, missing_there, other_amount)
    await ingest(database, statement_of(right, missing_here, with_higher_amount(other_amount, 7)))
    run = await reconcile(database, settings)
    assert counts(run) == {"matched": 1, "excess": 1, "shortage": 1, "amount_differs": 1}
    assert sorted(await discrepancies(database)) == [
        ("amount_differs", 7, "open"),
        ("excess", 100, "open"),
        ("shortage", -2000, "open"),
    ]
    # The receivable is what the channel says it has.
    assert await balances(database) == {"channel_receivable": 4140 + 100 + 30007, "suspense": 2000 - 100 - 7}


async def test_the_same_run_again_changes_nothing(database: Database, settings: Settings) -> None:
    known, unknown = sample_payment(), sample_payment()
    async with database.transaction() as tx:
        await capture(tx, known)
    await ingest(database, statement_of(unknown))
    first = await reconcile(database, settings)
    before = await discrepancies(database), await balances(database)
    again = await reconcile(database, settings)
    assert counts(again) == counts(first)
    assert (again.cases_opened, again.cases_resolved) == (0, 0)
    assert (await discrepancies(database), await balances(database)) == before


async def test_a_resolved_difference_closes_its_discrepancy(database: Database, settings: Settings) -> None:
    late_notice = sample_payment()
    await ingest(database, statement_of(late_notice))
    await reconcile(database, settings)
    async with database.transaction() as tx:
        await capture(tx, late_notice)
    run = await reconcile(database, settings)
    assert run.cases_resolved == 1
    assert await discrepancies(database) == [("excess", 4140, "closed")]
    assert await balances(database) == {"channel_receivable": 4140, "suspense": 0}


async def test_a_corrected_file_resolves_the_errors_of_the_first(database: Database, settings: Settings) -> None:
    payment = sample_payment()
    async with database.transaction() as tx:
        await capture(tx, payment)
    await ingest(database, statement_of())
    assert counts(await reconcile(database, settings)) == {"shortage": 1}
    corrected = await ingest(database, statement_of(payment))
    assert corrected.version == 2
    assert counts(await reconcile(database, settings)) == {"matched": 1}
    assert await discrepancies(database) == [("shortage", -4140, "closed")]


async def test_a_difference_that_returns_is_a_new_discrepancy(database: Database, settings: Settings) -> None:
    payment = sample_payment()
    async with database.transaction() as tx:
        await capture(tx, payment)
    for raw in (statement_of(), statement_of(payment), statement_of()):
        await ingest(database, raw)
        await reconcile(database, settings)
    assert [status for _, _, status in await discrepancies(database)] == ["closed", "open"]
    assert await balances(database) == {"channel_receivable": 0, "suspense": 4140}


async def test_captured_before_and_billed_after_midnight_is_carried_over_and_then_matched(
    database: Database, settings: Settings
) -> None:
    payment = sample_payment(at=BEFORE_MIDNIGHT)
    there = replace(payment, at=payment.at + timedelta(seconds=4))
    async with database.transaction() as tx:
        await capture(tx, payment)
    await ingest(database, statement_of())
    assert counts(await reconcile(database, settings)) == {"carried_over": 1}
    await ingest(database, statement_of(there, day=NEXT), day=NEXT)
    assert counts(await reconcile(database, settings, NEXT)) == {"late": 1}
    assert counts(await reconcile(database, settings)) == {"late": 1}
    assert await discrepancies(database) == []


async def test_billed_before_and_captured_after_midnight_is_late(database: Database, settings: Settings) -> None:
    payment = sample_payment(at=AFTER_MIDNIGHT, day=NEXT)
    there = replace(payment, at=payment.at - timedelta(seconds=4))
    async with database.transaction() as tx:
        await capture(tx, payment)
    await ingest(database, statement_of(there))
    await ingest(database, statement_of(day=NEXT), day=NEXT)
    assert counts(await reconcile(database, settings)) == {"late": 1}
    assert counts(await reconcile(database, settings, NEXT)) == {"late": 1}


async def test_a_carried_over_payment_that_stays_missing_is_a_discrepancy(
    database: Database, settings: Settings
) -> None:
    here, there = sample_payment(100, at=BEFORE_MIDNIGHT), sample_payment(2000, at=BEFORE_MIDNIGHT)
    async with database.transaction() as tx:
        await capture(tx, here)
    await ingest(database, statement_of(there))
    assert counts(await reconcile(database, settings)) == {"carried_over": 2}
    await ingest(database, statement_of(day=NEXT), day=NEXT)
    assert counts(await reconcile(database, settings, NEXT)) == {"excess": 1, "shortage": 1}
    found = await discrepancies(database)
    assert sorted(found) == [("excess", 2000, "open"), ("shortage", -100, "open")]
    assert counts(await reconcile(database, settings)) == {"excess": 1, "shortage": 1}
    assert await discrepancies(database) == found


async def test_at_noon_nothing_is_carried_over(database: Database, settings: Settings) -> None:
    async with database.transaction() as tx:
        await capture(tx, sample_payment())
    await ingest(database, statement_of())
    assert counts(await reconcile(database, settings)) == {"shortage": 1}


async def test_a_line_on_the_bills_of_two_days_is_an_excess_on_one(database: Database, settings: Settings) -> None:
    payment = sample_payment()
    async with database.transaction() as tx:
        await capture(tx, payment)
    await ingest(database, statement_of(payment))
    await ingest(database, statement_of(payment, day=NEXT), day=NEXT)
    assert counts(await reconcile(database, settings)) == {"matched": 1}
    assert counts(await reconcile(database, settings, NEXT)) == {"excess": 1}


async def test_an_order_paid_twice_is_matched_once(database: Database, settings: Settings) -> None:
    payment = sample_payment()
    async with database.transaction() as tx:
        (payment_id,) = await capture(tx, payment)
    await ingest(database, statement_of(payment, replace(payment, transaction_id="T-second")))
    assert counts(await reconcile(database, settings)) == {"matched": 1, "excess": 1}
    async with database.read() as tx:
        assert await tx.scalar(select(Discrepancy.reference_id)) == payment_id


async def test_no_statement_no_run(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(StatementMissing):
            await request(tx, CHANNEL, DAY, "test")


async def test_one_run_of_a_channel_at_a_time(database: Database, settings: Settings) -> None:
    await ingest(database, statement_of())
    async with database.transaction() as tx:
        one, other = [await request(tx, CHANNEL, day, "test") for day in (DAY, DAY)]
        assert one.id == other.id
    refused: list[str] = []

    async def in_the_middle(run: Run) -> None:
        if run.phase == Phase.MATCHING:
            try:
                await carry_out(database, settings, one.id)
            except RunUnderWay as under_way:
                refused.append(under_way.code)

    done = await carry_out(database, settings, one.id, in_the_middle)
    assert (refused, done.phase) == (["run_under_way"], Phase.FINISHED)


async def test_a_run_publishes_itself_and_its_discrepancies(database: Database, settings: Settings) -> None:
    await ingest(database, statement_of(sample_payment()))
    run = await reconcile(database, settings)
    async with database.read() as tx:
        events = [event for event in await emitted(tx) if "reconciliation" in event.type or "case" in event.type]
    assert [event.type.split(".")[3:5] for event in events] == [["case", "opened"], ["reconciliation", "finished"]]
    assert events[1].key == str(run.id)
    assert events[1].data["excess"] == 1
