"""Gauges for alerts: the age of what is waiting, measured on real rows."""

from datetime import timedelta
from uuid import UUID

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from chassis.db import Database, new_id, now
from chassis.service import measure as measure_process
from svc_payments.operations.dashboard.gauges import QUICK, SLOW
from svc_payments.operations.dashboard.metrics import measure, measure_books
from svc_payments.operations.manual_actions.models import ManualAction
from svc_payments.settings import Settings
from tests.svc_payments.collection.refunds.steps import refused, step
from tests.svc_payments.world import World

_HOUR = 3_600.0


def gauge(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def backdate(world: World, table: str, column: str, hours: int) -> None:
    async with world.database.transaction() as tx:
        await tx.execute(text(f"UPDATE {table} SET {column} = now() - make_interval(hours => {hours})"))  # noqa: S608


async def test_an_empty_database_sets_every_gauge_to_its_idle_value(database: Database, settings: Settings) -> None:
    await measure(database)
    await measure_books(database, settings)
    for each in (*QUICK, *SLOW):
        samples = [sample for metric in each.gauge.collect() for sample in metric.samples]
        assert len(samples) >= max(len(each.labels), 0)
        (described,) = each.gauge.describe()
        name = described.name
        assert {sample.value for sample in samples} <= ({6.0} if name == "myili_bill_partitions_ahead" else {0.0})


async def test_an_open_posting_is_reported_with_its_provider(world: World) -> None:
    await world.captured(new_id())
    await backdate(world, "postings", "created_at", 2)
    await measure(world.database)
    age = gauge("myili_postings_oldest_seconds", provider=str(world.provider_id))
    assert age == pytest.approx(2 * _HOUR, abs=60)
    await world.deliver_postings()
    await measure(world.database)
    assert gauge("myili_postings_oldest_seconds", provider=str(world.provider_id)) is None


async def test_a_failed_refund_waits_for_an_operator(world: World) -> None:
    await refused(world)
    async with world.database.transaction() as tx:
        await tx.execute(text("UPDATE refunds SET status = 'failed', started_at = now() - interval '3 hours'"))
    await measure(world.database)
    assert gauge("myili_refunds_oldest_seconds", status="failed") == pytest.approx(3 * _HOUR, abs=60)
    assert gauge("myili_refunds_oldest_seconds", status="unknown") == 0


async def test_an_action_without_approval_waits(database: Database) -> None:
    action = ManualAction(
        kind="resolve_incident", what={}, reason="seen", proposed_by="x", proposed_at=now() - timedelta(hours=5)
    )
    async with database.transaction() as tx:
        tx.add(action)
    await measure(database)
    assert gauge("myili_manual_actions_oldest_seconds") == pytest.approx(5 * _HOUR, abs=60)


async def test_a_missing_channel_statement_is_reported(world: World) -> None:
    await world.captured(new_id())
    await backdate(world, "payment_attempts", "paid_at", 48)
    await measure_books(world.database, world.settings.model_copy(update={"statements_from_hour": 0}))
    assert gauge("myili_statements_missing", channel="sandbox") == 1
    assert gauge("myili_statements_missing", channel="wechat") is None


async def test_links_are_reported_until_an_anchor_covers_them(world: World) -> None:
    await world.captured(new_id())
    await measure_books(world.database, world.settings)
    before = gauge("myili_ledger_unanchored_seconds")
    assert before is not None
    assert 0 < before < 60
    async with world.database.transaction() as tx:
        await tx.execute(
            text("INSERT INTO ledger_anchors (link_number, object_name) SELECT max(number), 'x' FROM ledger_links")
        )
    await measure_books(world.database, world.settings)
    assert gauge("myili_ledger_unanchored_seconds") == 0


@pytest.mark.parametrize(
    ("hours_left", "flag"), [(-1, "red"), (1, "yellow"), (30, "none")], ids=["late", "near", "in time"]
)
async def test_discrepancies_are_counted_by_flag(world: World, hours_left: int, flag: str) -> None:
    async with world.database.transaction() as tx:
        await tx.execute(
            text(
                "INSERT INTO cases (id, source, holder, day, movement, number, transaction_id, result, difference_fen, "
                "status, owner_role, due_at) VALUES (uuidv7(), 'channel', 'sandbox', CURRENT_DATE, 'payment', 'N-1', "
                "'T-1', 'excess', 100, 'open', 'operator', now() + make_interval(hours => :hours))"
            ),
            {"hours": hours_left},
        )
    await measure_books(world.database, world.settings)
    assert {name: gauge("myili_cases_open", flag=name) for name in ("none", "yellow", "red")} == {
        **dict.fromkeys(("none", "yellow", "red"), 0.0),
        flag: 1.0,
    }


async def test_the_books_balance_when_money_arrives_late(world: World) -> None:
    person = new_id()
    bill = await world.bill(person)
    payment = await world.confirmed(person, bill)
    async with world.database.transaction() as tx:
        await tx.execute(text("UPDATE payments SET status = 'expired' WHERE id = :id"), {"id": UUID(payment)})
        await tx.execute(text("UPDATE bills SET status = 'paid', paid_fen = amount_fen WHERE id = :id"), {"id": bill})
    await world.notify(world.notice_of(await world.pay(payment)))
    await measure_books(world.database, world.settings)
    assert gauge("myili_ledger_imbalance_fen") == 0
    assert gauge("myili_ledger_suspense_fen", channel="sandbox") == 0
    assert await step(world) == 1


async def test_every_process_reports_the_age_of_unpublished_events(world: World) -> None:
    await world.created(new_id())
    await backdate(world, "outbox", "created_at", 1)
    await measure_process(world.database)
    assert gauge("myili_outbox_oldest_seconds") == pytest.approx(_HOUR, abs=60)
    assert gauge("myili_dead_letters_waiting") == 0
