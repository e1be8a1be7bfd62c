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
from tests.svc_payments.reconciliation.runs.books import CHANNEL, DAY, bill, capture, dearer, paid, reconcile, take_in

NEXT = DAY + timedelta(days=1)
BEFORE_MIDNIGHT, AFTER_MIDNIGHT = time(23, 59, 58), time(0, 0, 2)


async def cases(database: Database) -> list[tuple[str, int, str]]:
    """Result, difference and status of every case, in order."""
    async with database.read() as tx:
        found = await tx.scalars(select(Discrepancy).order_by(Discrepancy.id))
        return [(case.result, case.difference_fen, case.status) for case in found]


async def balances(database: Database) -> dict[str, int]:
    async with database.read() as tx:
        balance = await trial_balance(tx)
    assert balance.balance_fen == 0
    return {account.kind: account.balance_fen for account in balance.accounts if account.kind != "person_clearing"}


def counts(run: Run) -> dict[str, int]:
    """What is not zero of what a run found."""
    names = ("matched", "late", "carried_over", "excess", "shortage", "amount_differs", "state_differs")
    return {name: getattr(run, name) for name in names if getattr(run, name)}


async def test_equal_sides_match_and_open_nothing(database: Database, settings: Settings) -> None:
    payments = [paid(), paid(), paid()]
    async with database.transaction() as tx:
        await capture(tx, *payments)
    await take_in(database, bill(*payments))
    run = await reconcile(database, settings)
    assert (run.phase, run.lines, run.movements, counts(run)) == (Phase.FINISHED, 3, 3, {"matched": 3})
    assert await cases(database) == []


async def test_each_difference_is_a_case_and_stands_in_suspense(database: Database, settings: Settings) -> None:
    right, missing_here, missing_there, other_amount = paid(), paid(100), paid(2000), paid(30000)
    async with database.transaction() as tx:
        await capture(tx, right, missing_there, other_amount)
    await take_in(database, bill(right, missing_here, dearer(other_amount, 7)))
    run = await reconcile(database, settings)
    assert counts(run) == {"matched": 1, "excess": 1, "shortage": 1, "amount_differs": 1}
    assert sorted(await cases(database)) == [
        ("amount_differs", 7, "open"),
        ("excess", 100, "open"),
        ("shortage", -2000, "open"),
    ]
    # The receivable is what the channel says it has.
    assert await balances(database) == {"channel_receivable": 4140 + 100 + 30007, "suspense": 2000 - 100 - 7}


async def test_the_same_run_again_changes_nothing(database: Database, settings: Settings) -> None:
    known, unknown = paid(), paid()
    async with database.transaction() as tx:
        await capture(tx, known)
    await take_in(database, bill(unknown))
    first = await reconcile(database, settings)
    before = await cases(database), await balances(database)
    again = await reconcile(database, settings)
    assert counts(again) == counts(first)
    assert (again.cases_opened, again.cases_resolved) == (0, 0)
    assert (await cases(database), await balances(database)) == before


async def test_a_difference_that_is_gone_closes_its_case(database: Database, settings: Settings) -> None:
    late_notice = paid()
    await take_in(database, bill(late_notice))
    await reconcile(database, settings)
    async with database.transaction() as tx:
        await capture(tx, late_notice)
    run = await reconcile(database, settings)
    assert run.cases_resolved == 1
    assert await cases(database) == [("excess", 4140, "closed")]
    assert await balances(database) == {"channel_receivable": 4140, "suspense": 0}


async def test_a_corrected_file_resolves_what_the_first_was_wrong_about(database: Database, settings: Settings) -> None:
    payment = paid()
    async with database.transaction() as tx:
        await capture(tx, payment)
    await take_in(database, bill())
    assert counts(await reconcile(database, settings)) == {"shortage": 1}
    corrected = await take_in(database, bill(payment))
    assert corrected.version == 2
    assert counts(await reconcile(database, settings)) == {"matched": 1}
    assert await cases(database) == [("shortage", -4140, "closed")]


async def test_a_difference_that_comes_back_is_a_new_case(database: Database, settings: Settings) -> None:
    payment = paid()
    async with database.transaction() as tx:
        await capture(tx, payment)
    for raw in (bill(), bill(payment), bill()):
        await take_in(database, raw)
        await reconcile(database, settings)
    assert [status for _, _, status in await cases(database)] == ["closed", "open"]
    assert await balances(database) == {"channel_receivable": 0, "suspense": 4140}


async def test_before_midnight_here_after_it_there_is_carried_over_and_then_matched(
    database: Database, settings: Settings
) -> None:
    payment = paid(at=BEFORE_MIDNIGHT)
    there = replace(payment, at=payment.at + timedelta(seconds=4))
    async with database.transaction() as tx:
        await capture(tx, payment)
    await take_in(database, bill())
    assert counts(await reconcile(database, settings)) == {"carried_over": 1}
    await take_in(database, bill(there, day=NEXT), day=NEXT)
    assert counts(await reconcile(database, settings, NEXT)) == {"late": 1}
    assert counts(await reconcile(database, settings)) == {"late": 1}
    assert await cases(database) == []


async def test_before_midnight_there_after_it_here_is_late_at_once(database: Database, settings: Settings) -> None:
    payment = paid(at=AFTER_MIDNIGHT, day=NEXT)
    there = replace(payment, at=payment.at - timedelta(seconds=4))
    async with database.transaction() as tx:
        await capture(tx, payment)
    await take_in(database, bill(there))
    await take_in(database, bill(day=NEXT), day=NEXT)
    assert counts(await reconcile(database, settings)) == {"late": 1}
    assert counts(await reconcile(database, settings, NEXT)) == {"late": 1}


async def test_what_was_carried_over_and_does_not_come_is_a_difference(database: Database, settings: Settings) -> None:
    here, there = paid(100, at=BEFORE_MIDNIGHT), paid(2000, at=BEFORE_MIDNIGHT)
    async with database.transaction() as tx:
        await capture(tx, here)
    await take_in(database, bill(there))
    assert counts(await reconcile(database, settings)) == {"carried_over": 2}
    await take_in(database, bill(day=NEXT), day=NEXT)
    assert counts(await reconcile(database, settings, NEXT)) == {"excess": 1, "shortage": 1}
    found = await cases(database)
    assert sorted(found) == [("excess", 2000, "open"), ("shortage", -100, "open")]
    assert counts(await reconcile(database, settings)) == {"excess": 1, "shortage": 1}
    assert await cases(database) == found


async def test_at_noon_nothing_is_carried_over(database: Database, settings: Settings) -> None:
    async with database.transaction() as tx:
        await capture(tx, paid())
    await take_in(database, bill())
    assert counts(await reconcile(database, settings)) == {"shortage": 1}


async def test_a_line_on_the_bills_of_two_days_is_an_excess_on_one(database: Database, settings: Settings) -> None:
    payment = paid()
    async with database.transaction() as tx:
        await capture(tx, payment)
    await take_in(database, bill(payment))
    await take_in(database, bill(payment, day=NEXT), day=NEXT)
    assert counts(await reconcile(database, settings)) == {"matched": 1}
    assert counts(await reconcile(database, settings, NEXT)) == {"excess": 1}


async def test_an_order_paid_twice_is_matched_once(database: Database, settings: Settings) -> None:
    payment = paid()
    async with database.transaction() as tx:
        (payment_id,) = await capture(tx, payment)
    await take_in(database, bill(payment, replace(payment, transaction_id="T-second")))
    assert counts(await reconcile(database, settings)) == {"matched": 1, "excess": 1}
    async with database.read() as tx:
        assert await tx.scalar(select(Discrepancy.reference_id)) == payment_id


async def test_no_statement_no_run(database: Database) -> None:
    async with database.transaction() as tx:
        with pytest.raises(StatementMissing):
            await request(tx, CHANNEL, DAY, "test")


async def test_one_run_of_a_channel_at_a_time(database: Database, settings: Settings) -> None:
    await take_in(database, bill())
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


async def test_the_run_and_its_cases_are_told(database: Database, settings: Settings) -> None:
    await take_in(database, bill(paid()))
    run = await reconcile(database, settings)
    async with database.read() as tx:
        events = [event for event in await emitted(tx) if "reconciliation" in event.type or "case" in event.type]
    assert [event.type.split(".")[3:5] for event in events] == [["case", "opened"], ["reconciliation", "finished"]]
    assert events[1].key == str(run.id)
    assert events[1].data["excess"] == 1
