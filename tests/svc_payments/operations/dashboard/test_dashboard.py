"""Dashboard figures: success rates of channels and providers, and what is overdue."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_payments.operations.dashboard.gauges import INCIDENTS_OPEN, PAYMENTS_OVERDUE, PAYMENTS_UNKNOWN
from svc_payments.operations.dashboard.metrics import measure
from svc_payments.operations.dashboard.overdue import WATCHED
from svc_payments.operations.dashboard.queries import first_id_at
from svc_payments.oversight.incidents import service as incidents
from svc_payments.oversight.incidents.models import IncidentKind
from tests.svc_payments.world import World

FIGURES = "/payments/v1/figures"
OVERDUE = "/payments/v1/overdue-payments"


def test_the_first_id_of_a_moment_is_a_lower_bound() -> None:
    before = datetime.now(UTC)
    assert first_id_at(before) <= new_id()
    assert first_id_at(before + timedelta(seconds=2)) > new_id()


async def test_figures_of_channels_and_providers(world: World) -> None:
    person = new_id()
    await world.captured(person)
    await world.confirmed(person)
    await world.act(person, await world.confirmed(person), "cancel")
    async with world.database.transaction() as tx:
        await tx.execute(text("UPDATE postings SET status = 'booked', settled_at = created_at + interval '4 seconds'"))
    answer = await world.api.get(FIGURES, headers=world.tokens.staff("operator"))
    figures = answer.json()
    assert figures["channels"] == [
        {"channel": "sandbox", "begun": 3, "captured": 1, "given_up": 1, "under_way": 1, "success": 0.5}
    ]
    (provider,) = figures["providers"]
    assert (provider["told"], provider["booked"], provider["refused"], provider["open"]) == (1, 1, 0, 0)
    assert provider["success"] == 1.0
    waiting = ("open_cases", "late_cases", "refunds_waiting", "refunds_unknown", "manual_actions_waiting")
    assert {name: figures[name] for name in waiting} == dict.fromkeys(waiting, 0)
    assert (provider["median_seconds"], provider["slowest_twentieth_seconds"]) == (4.0, 4.0)
    assert (figures["unknown"], figures["overdue"], figures["open_incidents"]) == (0, 0, 0)
    assert figures["events_waiting"] > 0


async def test_figures_of_an_empty_database_are_zeros(api: httpx.AsyncClient, tokens: Tokens) -> None:
    figures = (await api.get(f"{FIGURES}?minutes=1", headers=tokens.staff("auditor"))).json()
    assert (figures["channels"], figures["providers"], figures["unknown"], figures["overdue"]) == ([], [], 0, 0)


@pytest.mark.parametrize("status", WATCHED)
async def test_a_payment_past_the_deadline_of_its_state_is_listed(world: World, status: str) -> None:
    person = new_id()
    payment = await world.created(person)
    async with world.database.transaction() as tx:
        await tx.execute(
            text(
                "UPDATE payments SET status = :status, expires_at = now() - interval '2 hours', "
                "captured_at = now() - interval '80 hours'"
            ),
            {"status": status},
        )
    await world.created(person)
    (listed,) = (await world.api.get(OVERDUE, headers=world.tokens.staff("operator"))).json()["items"]
    assert (listed["payment_id"], listed["status"]) == (payment, status)
    assert datetime.fromisoformat(listed["deadline"]) < datetime.now(UTC)
    await measure(world.database)
    assert PAYMENTS_OVERDUE.labels(status)._value.get() == 1  # noqa: SLF001 - the client has no way to read a gauge
    assert PAYMENTS_UNKNOWN.labels("sandbox")._value.get() == (status == "unknown")  # noqa: SLF001 - the same


async def test_incidents_are_counted_until_they_are_resolved(
    api: httpx.AsyncClient, database: Database, tokens: Tokens
) -> None:
    async with database.transaction() as tx:
        for subject in range(3):
            await incidents.record(tx, IncidentKind.MONEY_HELD, subject)
        await tx.execute(text("UPDATE incidents SET resolved_at = now() WHERE subject = '1'"))
    assert (await api.get(FIGURES, headers=tokens.staff("auditor"))).json()["open_incidents"] == 2
    await measure(database)
    assert INCIDENTS_OPEN._value.get() == 2  # noqa: SLF001 - the client has no way to read a gauge


async def test_only_operators_and_auditors_see_figures(api: httpx.AsyncClient, tokens: Tokens) -> None:
    for url in (FIGURES, OVERDUE):
        assert (await api.get(url, headers=tokens.resident())).status_code == 403
        assert (await api.get(url, headers=tokens.staff("county_team"))).status_code == 403
