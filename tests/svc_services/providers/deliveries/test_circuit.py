"""A dead endpoint: one probe at a time, its company is told, and it resumes by itself."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chassis.testing import Tokens, emitted, once
from kit.endpoint_urls import Endpoints
from svc_services.providers.deliveries.leasing import providers_due
from svc_services.providers.deliveries.sender import Sender
from tests.svc_services.companies import answer_with_bytes
from tests.svc_services.providers.deliveries.sink import BROKEN, RECEIVED, Held, Receiver, to

MANY = 12


async def events(company: Receiver) -> list[tuple[str, dict[str, Any]]]:
    async with company.database.read() as tx:
        found = [each for each in await emitted(tx) if each.data.get("provider_id") == str(company.provider_id)]
    return [(each.type.split(".")[-2], each.data) for each in found if "deliveries" in each.type]


async def is_due(company: Receiver) -> bool:
    async with company.database.read() as tx:
        return company.provider_id in await providers_due(tx)


async def dead(company: Receiver) -> None:
    for _ in range(MANY):
        await company.tell(version=1)
    company.system.answer = BROKEN
    await company.send()
    assert (await company.endpoint()).stalled_at is not None


async def test_after_ten_failures_in_a_row_the_company_is_told_and_nothing_more_is_sent(company: Receiver) -> None:
    await dead(company)
    sent = len(company.system.requests)
    assert 10 <= sent <= MANY
    ((name, said),) = await events(company)
    assert (name, said["fault"], said["waiting"]) == ("deliveries_stalled", "wrong_status", MANY)
    shown = await company.read("delivery-endpoint")
    assert (shown["failures"], shown["paused_at"]) == (sent, None)
    assert shown["stalled_at"] is not None
    assert not await is_due(company)
    await company.tell(version=1)
    await company.send()
    assert len(company.system.requests) == sent


async def test_one_probe_at_a_time_with_growing_pauses(company: Receiver, signing_key: RSAPrivateKey) -> None:
    await dead(company)
    for pause in (30, 60, 120, 300, 600, 600):
        sent = len(company.system.requests)
        await company.let_pass(timedelta(seconds=pause - 5))
        await company.send()
        assert len(company.system.requests) == sent
        await company.let_pass(timedelta(seconds=5))
        others = [Sender(company.database, signing_key, Endpoints(anywhere=True)) for _ in range(3)]
        assert await is_due(company)
        await asyncio.gather(*(each.work_off(company.provider_id) for each in (company.sender, *others)))
        assert len(company.system.requests) == sent + 1
    assert len(await events(company)) == 1


async def test_a_success_resumes_everything_at_once(company: Receiver) -> None:
    await dead(company)
    await company.let_pass(timedelta(seconds=30))
    company.system.answer = RECEIVED
    await company.send()
    assert await company.all_received()
    assert [name for name, _ in await events(company)] == ["deliveries_stalled", "deliveries_resumed"]
    shown = await company.read("delivery-endpoint")
    assert (shown["failures"], shown["stalled_at"], shown["failing_since"]) == (0, None, None)


async def test_a_delivery_that_is_never_taken_does_not_keep_the_endpoint_dead(company: Receiver) -> None:
    await dead(company)
    first = company.told()[0][0]
    company.system.answer = to([first], refusal=BROKEN)
    for _ in range(2):
        await company.let_pass(timedelta(seconds=60))
        await company.send()
    assert [row.subject_id for row in await company.rows() if row.status != "delivered"] == [first]


@pytest.mark.parametrize(("status", "is_dead"), [(422, False), (409, False), (429, False), (404, True), (401, True)])
async def test_a_refusal_of_a_delivery_is_none_of_the_endpoint(
    company: Receiver, status: int, *, is_dead: bool
) -> None:
    for _ in range(MANY):
        await company.tell(version=1)
    company.system.answer = answer_with_bytes(b"{}", status)
    await company.send()
    assert ((await company.endpoint()).stalled_at is not None) == is_dead


async def test_nobody_at_the_address_is_a_dead_endpoint(company: Receiver) -> None:
    url = "http://127.0.0.1:1/platform"
    await company.move(url)
    for _ in range(MANY):
        await company.tell(version=1)
    await company.send()
    assert {each.fault for each in await company.attempts()} == {"not_reached"}
    assert (await company.endpoint()).stalled_at is not None


async def test_a_worker_killed_during_a_probe_leaves_the_next_one_to_another(company: Receiver) -> None:
    await dead(company)
    await company.let_pass(timedelta(seconds=30))
    company.system.answer = held = Held()
    working = asyncio.create_task(company.send())
    await asyncio.to_thread(held.begun.wait, 10)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    held.go.set()
    company.system.answer = RECEIVED
    assert not await is_due(company)
    await company.let_pass(company.sender.lease_time)
    await company.send()
    assert await company.all_received()


async def test_nothing_is_sent_to_a_suspended_company_until_it_resumes(company: Receiver, tokens: Tokens) -> None:
    await company.tell(version=1)
    assert (await company.order("suspend", reason="leak")).status_code == 200
    assert not await is_due(company)
    await company.send()
    assert company.system.requests == []
    assert (await company.order("changes", action="resume", reason="mended")).status_code == 201
    assert await is_due(company)
    await company.send()
    assert await company.all_received()


async def test_operators_see_the_dead_endpoints_of_their_reach(company: Receiver, tokens: Tokens) -> None:
    await dead(company)
    path = "/services/v1/delivery-endpoints"
    seen = {}
    for name, headers in {
        "prefecture": tokens.staff("operator"),
        "county": tokens.staff("operator", division_code="654002"),
        "auditor": tokens.staff("auditor"),
    }.items():
        items = (await company.api.get(path, params={"stalled": True, "limit": 200}, headers=headers)).json()["items"]
        seen[name] = str(company.provider_id) in {each["provider_id"] for each in items}
    assert seen == {"prefecture": True, "county": False, "auditor": True}
    alive = await company.api.get(path, params={"stalled": False}, headers=tokens.staff("operator") | once())
    assert str(company.provider_id) not in {each["provider_id"] for each in alive.json()["items"]}
