"""An account changes hands: on its provider's word, or on that of two operators."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from kit.calendar import today
from svc_services.accounts.holder_changes.models import HolderChange
from svc_services.accounts.holder_changes.service import carry_out_due
from svc_services.providers.applications.models import Provider
from tests.svc_services.accounts.bindings.conftest import ACCOUNT, Bind
from tests.svc_services.accounts.bindings.stored import binding_events, bindings_in, code
from tests.svc_services.companies import BINDINGS, ProviderSystem, account_number, answer_with, approved

CHANGES = "/services/v1/holder-changes"
DAY = timedelta(days=1)


def change(day: date, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"account_number": ACCOUNT, "kind": "new_holder", "effective_on": day.isoformat(), **more}


async def report(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_id: UUID,
    day: date,
    **more: Any,  # noqa: ANN401 - JSON
) -> httpx.Response:
    headers = tokens.client(provider_id, "accounts:write") | once()
    return await api.post(CHANGES, json=change(day, **more), headers=headers)


@pytest.mark.parametrize("ago", [0, 40])
async def test_the_bindings_of_the_former_holder_end_with_the_day(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    bind: Bind,
    provider_id: UUID,
    person_id: UUID,
    ago: int,
) -> None:
    bound = (await bind()).json()
    day = today() - ago * DAY
    answer = await report(api, tokens, provider_id, day)
    assert (answer.status_code, answer.json()["status"]) == (201, "done")
    mine = await api.get(f"{BINDINGS}/{bound['binding_id']}", headers=tokens.resident(person_id))
    assert (mine.json()["status"], mine.json()["held_until"]) == ("ended", day.isoformat())
    ended = (await binding_events(database))[-1]
    assert (ended.type, ended.data["held_until"]) == ("cn.ili.services.account_binding.ended.v1", day.isoformat())
    follower = new_id()
    assert (await bind(person=follower)).status_code == 201
    activated = (await binding_events(database))[-1]
    assert (activated.data["person_id"], activated.data["held_from"]) == (str(follower), (day + DAY).isoformat())


async def test_a_repeated_report_does_not_end_the_binding_of_the_next_holder(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, provider_id: UUID, database: Database
) -> None:
    await bind()
    first = await report(api, tokens, provider_id, today() - DAY)
    follower = new_id()
    await bind(person=follower)
    other = await report(api, tokens, provider_id, today() - DAY, kind="ended")
    assert code(other) == (409, "other_change_known")
    again = await report(api, tokens, provider_id, today() - DAY)
    assert (again.status_code, again.json()) == (201, first.json())
    earlier = await report(api, tokens, provider_id, today() - 2 * DAY)
    assert code(earlier) == (409, "later_change_known")
    assert [binding.status for binding in await bindings_in(database)] == ["ended", "active"]


async def test_nobody_learns_whether_the_account_was_bound(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, provider_id: UUID, provider_system: ProviderSystem
) -> None:
    unbound = (await report(api, tokens, provider_id, today(), account_number=account_number(987654321))).json()
    await bind()
    bound = (await report(api, tokens, provider_id, today())).json()
    different = {name for name in bound if bound[name] != unbound[name]}
    assert different == {"holder_change_id", "account_number", "reported_at", "done_at"}


async def test_a_future_change_waits_for_its_day_and_can_be_withdrawn(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, bind: Bind, provider_id: UUID
) -> None:
    await bind()
    kept, withdrawn = [await report(api, tokens, provider_id, today() + days * DAY) for days in (1, 2)]
    assert kept.json()["status"] == "scheduled"
    path = f"{CHANGES}/{withdrawn.json()['holder_change_id']}/withdraw"
    stranger = tokens.client(await approved(api, tokens), "accounts:write")
    assert (await api.post(path, headers=stranger | once())).status_code == 404
    headers = tokens.client(provider_id, "accounts:write")
    assert (await api.post(path, headers=headers | once())).json()["status"] == "withdrawn"
    await carry_out_due(database)
    assert [binding.status for binding in await bindings_in(database)] == ["active"]
    async with database.transaction() as tx:
        await tx.execute(update(HolderChange).values(effective_on=HolderChange.effective_on - 2))
    async with database.transaction() as tx:
        suspended = {"suspended_at": now(), "suspended_by": "operator", "suspension_reason": "leaked"}
        await tx.execute(update(Provider).where(Provider.id == provider_id).values(suspended))
    await carry_out_due(database)
    assert [binding.status for binding in await bindings_in(database)] == ["active"]
    async with database.transaction() as tx:
        await tx.execute(update(Provider).values(dict.fromkeys(suspended)))
    await carry_out_due(database)
    assert [binding.status for binding in await bindings_in(database)] == ["ended"]
    listed = (await api.get(CHANGES, params={"status": "done"}, headers=headers)).json()["items"]
    assert [each["holder_change_id"] for each in listed] == [kept.json()["holder_change_id"]]


async def test_an_answer_from_before_the_change_binds_nobody(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    bind: Bind,
    provider_id: UUID,
    provider_system: ProviderSystem,
) -> None:
    asked, reported = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    usual = answer_with("match")

    def slow(handler: Any, request: Any) -> None:  # noqa: ANN401 - of http.server
        loop.call_soon_threadsafe(asked.set)
        asyncio.run_coroutine_threadsafe(reported.wait(), loop).result(20)
        usual(handler, request)

    provider_system.answer = slow
    binding = asyncio.create_task(bind())
    await asyncio.wait_for(asked.wait(), 20)
    await report(api, tokens, provider_id, today())
    reported.set()
    assert code(await binding) == (502, "provider_unreachable")
    assert [each.status for each in await bindings_in(database)] == ["unknown"]


async def test_two_operators_report_on_a_providers_behalf(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, bind: Bind, provider_id: UUID
) -> None:
    await bind()
    path = f"/services/v1/providers/{provider_id}/holder-changes"
    first, second = (tokens.staff("operator", person_id=new_id()) for _ in range(2))
    body = change(today() - DAY, reason="the company's letter")
    proposed = await api.post(path, json=body, headers=first | once())
    assert (proposed.status_code, proposed.json()["status"]) == (201, "proposed")
    assert [each.status for each in await bindings_in(database)] == ["active"]
    decide = f"{path}/{proposed.json()['holder_change_id']}"
    assert code(await api.post(f"{decide}/approve", headers=first | once())) == (403, "second_person_needed")
    approving = await api.post(f"{decide}/approve", headers=second | once())
    assert (approving.status_code, approving.json()["status"]) == (200, "done")
    assert [each.status for each in await bindings_in(database)] == ["ended"]
    assert code(await api.post(f"{decide}/reject", headers=second | once())) == (409, "illegal_move")
    again = await api.post(path, json=change(today(), reason="another"), headers=first | once())
    withdrawn = await api.post(f"{path}/{again.json()['holder_change_id']}/reject", headers=first | once())
    assert withdrawn.json()["status"] == "withdrawn"


async def test_others_report_nothing(api: httpx.AsyncClient, tokens: Tokens, bind: Bind, provider_id: UUID) -> None:
    await bind()
    for headers in (tokens.client(provider_id, "bills:write"), tokens.resident(), tokens.staff("operator")):
        answer = await api.post(CHANGES, json=change(today()), headers=headers | once())
        assert code(answer) == (403, "not_allowed")
    stranger = tokens.client(new_id(), "accounts:write")
    assert code(await api.post(CHANGES, json=change(today()), headers=stranger | once())) == (403, "not_allowed")


@pytest.mark.parametrize("day", [date.min, date(1926, 11, 30), today() - 1_900 * DAY, today() + 400 * DAY, date.max])
async def test_a_mistyped_year_ends_no_binding(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, bind: Bind, provider_id: UUID, day: date
) -> None:
    await bind()
    assert code(await report(api, tokens, provider_id, day)) == (422, "effective_on_too_far")
    path = f"/services/v1/providers/{provider_id}/holder-changes"
    proposed = await api.post(path, json=change(day, reason="a letter"), headers=tokens.staff("operator") | once())
    assert code(proposed) == (422, "effective_on_too_far")
    assert [each.status for each in await bindings_in(database)] == ["active"]


async def test_another_providers_account_of_the_same_number_stays_bound(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, bind: Bind
) -> None:
    await bind()
    other = await approved(api, tokens, kind="heating")
    await report(api, tokens, other, today())
    assert [each.status for each in await bindings_in(database)] == ["active"]


async def test_a_mistyped_number_is_refused(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> None:
    mistyped = ACCOUNT[:-1] + str((int(ACCOUNT[-1]) + 1) % 10)
    for number, reason in ((mistyped, "check_digit"), (ACCOUNT[:-1], "shape")):
        answer = await report(api, tokens, provider_id, today(), account_number=number)
        assert (*code(answer), answer.json()["reason"]) == (422, "bad_account_number", reason)
        assert "10" in answer.json()["detail"]
    operator = tokens.staff("operator") | once()
    body = change(today(), reason="the company's letter", account_number=mistyped)
    proposed = await api.post(f"/services/v1/providers/{provider_id}/holder-changes", json=body, headers=operator)
    assert code(proposed) == (422, "bad_account_number")


async def test_who_binds_after_midnight_keeps_the_binding(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, bind: Bind, provider_id: UUID
) -> None:
    await bind()
    scheduled = await report(api, tokens, provider_id, today() + DAY)
    assert scheduled.json()["status"] == "scheduled"
    async with database.transaction() as tx:
        await tx.execute(update(HolderChange).values(effective_on=today() - DAY))
    follower = new_id()
    assert (await bind(person=follower)).status_code == 201
    await carry_out_due(database)
    assert [binding.status for binding in await bindings_in(database)] == ["ended", "active"]
    ended, activated = (await binding_events(database))[-2:]
    assert ended.data["held_until"] == (today() - DAY).isoformat()
    assert (activated.data["person_id"], activated.data["held_from"]) == (str(follower), today().isoformat())


async def test_a_proposal_that_nobody_decides_expires(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, bind: Bind, provider_id: UUID
) -> None:
    await bind()
    path = f"/services/v1/providers/{provider_id}/holder-changes"
    body = change(today(), reason="the company's letter")
    proposed = await api.post(path, json=body, headers=tokens.staff("operator") | once())
    async with database.transaction() as tx:
        await tx.execute(update(HolderChange).values(reported_at=HolderChange.reported_at - 8 * DAY))
    decide = f"{path}/{proposed.json()['holder_change_id']}/approve"
    late = await api.post(decide, headers=tokens.staff("operator", person_id=new_id()) | once())
    assert code(late) == (409, "proposal_expired")
    assert [each.status for each in await bindings_in(database)] == ["active"]
