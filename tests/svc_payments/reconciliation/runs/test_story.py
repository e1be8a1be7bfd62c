"""From the cashier of the sandbox channel to a closed discrepancy, over the API."""

from datetime import date
from typing import Any

import httpx
import pytest

from chassis.db import new_id
from chassis.testing import once, until
from kit.calendar import today
from svc_payments.channels.provider import StatementChannel
from svc_payments.channels.registry import open_channels
from svc_payments.reconciliation.runs.worker import work_off
from svc_payments.reconciliation.statements.downloads import fetch, fetch_missing
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.collection.refunds.steps import step
from tests.svc_payments.world import World

RUNS, CASES = "/payments/v1/reconciliation-runs", "/payments/v1/cases"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The sandbox is one process for all tests: a merchant of its own has a bill of its own."""
    return type(settings)(**settings.model_dump() | {"merchant_id": f"m-{new_id().hex}"})


async def reconciled(world: World, day: date) -> dict[str, Any]:
    """Fetch and reconcile the channel's statement of a day; returns the run as auditors see it."""
    async with open_channels(world.settings) as channels:
        channel = channels[ChannelName.SANDBOX]
        assert isinstance(channel, StatementChannel)
        await fetch(world.database, world.settings, "sandbox", channel, day)
    await work_off(world.database, world.settings)
    answer = await world.api.get(RUNS, headers=world.tokens.staff("auditor"))
    run: dict[str, Any] = answer.json()["items"][0]
    return run


async def only_discrepancy(world: World) -> dict[str, Any]:
    answer = await world.api.get(CASES, headers=world.tokens.staff("operator"))
    (discrepancy,) = answer.json()["items"]
    return dict(discrepancy)


async def act(
    world: World, discrepancy: dict[str, Any], verb: str, body: dict[str, Any], staff: dict[str, str]
) -> httpx.Response:
    return await world.api.post(f"{CASES}/{discrepancy['case_id']}/{verb}", json=body, headers=staff | once())


async def test_the_sandbox_statement_matches_the_captures(world: World) -> None:
    for _ in range(3):
        await world.captured(new_id())
    run = await reconciled(world, today())
    assert (run["phase"], run["lines"], run["matched"], run["difference_fen"]) == ("finished", 3, 3, 0)


async def test_a_payment_without_notice_is_found_by_the_statement(world: World) -> None:
    await world.faults(drop_notices=1_000)
    payment_id = await world.confirmed(new_id())
    await world.pay(payment_id)
    run = await reconciled(world, today())
    assert (run["excess"], run["carried_over"]) in {(1, 0), (0, 1)}  # carried over in the last hour of a day
    if run["excess"]:
        assert (await only_discrepancy(world))["reference_id"] == payment_id


async def test_a_double_payment_refunded_once_is_no_difference(world: World) -> None:
    person = new_id()
    payment_id = await world.confirmed(person)
    await world.faults(double_payments=1)
    await world.pay(payment_id)
    await until(lambda: _second_is_here(world))
    await step(world)
    run = await reconciled(world, today())
    assert (run["lines"], run["matched"], run["difference_fen"], run["excess"]) == (3, 3, 0, 0)


async def _second_is_here(world: World) -> bool:
    return await world.incidents() == ["second_transaction"]


async def test_the_statement_of_another_merchant_is_refused(world: World) -> None:
    raw = f"statement,another,{today()}\nkind\n".encode()
    answer = await world.api.put(
        f"/payments/v1/channel-statements/sandbox/{today()}", content=raw, headers=world.tokens.staff("operator")
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "statement_of_other_merchant")


async def test_statements_are_fetched_once_the_hour_has_come(world: World) -> None:
    early = world.settings.model_copy(update={"statements_from_hour": 0})
    await fetch_missing(world.database, early)
    await fetch_missing(world.database, early)
    answer = await world.api.get("/payments/v1/statements", headers=world.tokens.staff("operator"))
    assert [statement["version"] for statement in answer.json()["items"]] == [1, 1, 1]


async def test_a_statement_is_served_to_its_merchant_only(world: World) -> None:
    unsigned = await world.channel.get(f"/statements/{today()}", params={"merchant_id": world.settings.merchant_id})
    assert unsigned.status_code == 401
