"""Running cases come to another version with their clock as it stands, once, also through races and interruptions."""

import asyncio
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
import time_machine
from sqlalchemy import select

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, until
from kit.calendar import today
from svc_services.cases.applications.models import Application
from svc_services.cases.applications.worker import note_due
from svc_services.cases.case_migrations import moves
from svc_services.cases.case_migrations.models import MigratedCase
from svc_services.cases.case_migrations.moves import carry_out
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    FORM,
    NEW_ACCOUNT,
    RECEIVED,
    Case,
    Headers,
    act,
    acted,
    clerk,
    decided,
    heard,
    provider,
    submitted,
)
from tests.svc_services.cases.case_migrations.migrations import approved, changed, current, moved, preview, published

CLOCK = ("consumed_days", "state_days", "counted_to", "clock_runs")


def at_noon(day: str) -> Any:  # noqa: ANN401 - time_machine's type
    return time_machine.travel(f"{day}T12:00:00+08:00")


async def seen(api: httpx.AsyncClient, headers: Headers, case: Case) -> Case:
    found: Case = (await api.get(_path(case), headers=headers)).json()
    return found


def _path(case: Case) -> str:
    return f"{APPLICATIONS}/{case['application_id']}"


async def clock_of(database: Database, case: Case) -> dict[str, Any]:
    async with database.read() as tx:
        row = await tx.get_one(Application, UUID(case["application_id"]))
        return {name: getattr(row, name) for name in CLOCK}


async def test_used_days_stay_used_and_the_promise_moves_by_the_other_limit_alone(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    with at_noon("2026-03-02"):
        case = await submitted(api, tokens.resident(person_id), provider_id)
        case = await decided(api, clerk(tokens), case, "accept")
        assert case["promised_on"] == "2026-03-30"
    with at_noon("2026-03-04"):
        await note_due(database)
        target, number = await moved(api, tokens, database, limit_days=10, accepted="taken_up")
        assert (number, await carry_out_again(api, tokens, database, target)) == (1, 0)
        now = await seen(api, tokens.resident(person_id), case)
        papers = (await api.get(f"{_path(now)}/papers", headers=tokens.resident(person_id))).json()["items"]
    assert (now["state"], now["workflow_id"], now["version"]) == ("taken_up", str(target), case["version"] + 1)
    clock = {"consumed_days": 2, "state_days": {"taken_up": 2}, "counted_to": date(2026, 3, 4)}
    assert await clock_of(database, case) == clock | {"clock_runs": True}
    (move,) = now["promise_moves"]
    assert (move["moved_from"], move["moved_to"], move["cause"]) == ("2026-03-30", "2026-03-16", "workflow")
    assert move["reason"]["en"] == "The rules have changed"
    step = now["steps"][-1]
    assert (step["action"], step["actor"], step["from_state"], step["to_state"]) == (
        *("migrate", "system"),
        *("accepted", "taken_up"),
    )
    assert {"migrate", "accepted", "taken_up", "accept"} <= now["labels"].keys()
    assert [each["kind"] for each in papers] == ["receipt", "acceptance"]
    async with database.read() as tx:
        told = [each.data for each in await emitted(tx) if each.type.endswith("application.moved.v1")][-1]
    assert (told["action"], told["to_state"], told["promised_on"]) == ("migrate", "taken_up", "2026-03-16")


async def carry_out_again(api: httpx.AsyncClient, tokens: Tokens, database: Database, target: UUID) -> int:
    *_, source = (await api.get("/services/v1/workflow-proposals", headers=tokens.staff("operator"))).json()["items"]
    return await carry_out(database, await approved(api, tokens, source["workflow_id"], target, accepted="taken_up"))


async def test_a_pause_stays_a_pause_and_a_late_case_is_flagged_at_once(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    people = [new_id() for _ in range(2)]
    with at_noon("2026-03-02"):
        paused, late = [await submitted(api, tokens.resident(each), provider_id) for each in people]
        paused = await decided(api, clerk(tokens), paused, "request_correction", reason="which street?")
        late = await decided(api, clerk(tokens), late, "accept")
    with at_noon("2026-03-04"):
        source = await current(api)
        target = await published(api, tokens, source, changed(source, limit_days=1))
        migration_id = await approved(api, tokens, source["workflow_id"], target)
        await note_due(database)
        dry = await preview(api, tokens, migration_id)
        assert (dry["moving"], [each["late_at_once"] for each in dry["states"]]) == (2, [1, 0])
        assert await carry_out(database, migration_id) == 2
        first, second = [
            await seen(api, tokens.resident(person), case) for person, case in zip(people, (paused, late), strict=True)
        ]
    assert (first["consumed_days"], first["promised_on"], first["flag"]) == (0, None, None)
    assert (second["consumed_days"], second["flag"], second["level"]) == (2, "red", 1)
    assert second["promised_on"] == "2026-03-30"  # no day is promised that has passed already
    async with database.read() as tx:
        flagged = [each.data for each in await emitted(tx) if each.type.endswith("application.flagged.v1")]
    assert [(each["flag"], each["level"]) for each in flagged] == [("yellow", 0), ("red", 1)]
    with at_noon("2026-03-05"):
        again = await acted(api, APPLICATIONS, tokens.resident(people[0]), first, "correct", form=FORM)
    assert (again["consumed_days"], again["promised_on"]) == (0, "2026-03-06")


async def test_a_fee_that_is_asked_for_comes_along_and_moves_the_case(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, resident: Headers
) -> None:
    case = await submitted(api, resident, provider_id)
    company = provider(tokens, provider_id)
    for action, parts in (
        ("accept", {}),
        ("appoint_survey", {"appointment_on": f"{today()}"}),
        ("survey", {}),
        ("quote", {"amount_fen": 5_000}),
    ):
        case = await acted(api, RECEIVED, company, case, action, **parts)
    _, number = await moved(api, tokens, database, limit_days=12, quoted="offered")
    now = await seen(api, resident, case)
    assert (number, now["state"], now["fee"]) == (1, "offered", case["fee"])
    await heard(database, case, "paid", 1)
    assert (await seen(api, resident, case))["state"] == "construction"


async def test_a_case_that_the_other_version_would_lose_stays(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, resident: Headers
) -> None:
    case = await submitted(api, resident, provider_id)
    source = await current(api)
    definition = changed(source, limit_days=10)
    definition["account"] = "bound"
    definition["actions"] = [
        {**each, "needs": [], "effect": None} if each["name"] == "activate" else each for each in definition["actions"]
    ]
    target = await published(api, tokens, source, definition)
    migration_id = await approved(api, tokens, source["workflow_id"], target)
    dry = await preview(api, tokens, migration_id)
    assert dry["states"][0]["staying"] == [{"reason": "account_missing", "cases": 1}]
    assert await carry_out(database, migration_id) == 0
    assert (await seen(api, resident, case))["workflow_id"] == source["workflow_id"]


async def test_an_action_at_the_same_moment_is_taken_before_or_after_and_never_lost(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    people = [tokens.resident(new_id()) for _ in range(6)]
    cases = [await submitted(api, each, provider_id) for each in people]
    source = await current(api)
    target = await published(api, tokens, source, changed(source, limit_days=10, submitted="filed"))
    migration_id = await approved(api, tokens, source["workflow_id"], target, submitted="filed")
    company = provider(tokens, provider_id)
    answers, runs = await asyncio.gather(
        asyncio.gather(*(act(api, RECEIVED, company, case, "accept") for case in cases)),
        asyncio.gather(*(carry_out(database, migration_id) for _ in range(2))),
    )
    assert sum(runs) == len(cases)
    for person, case, answer in zip(people, cases, answers, strict=True):
        now = await seen(api, person, case)
        actions = [(step["from_state"], step["to_state"]) for step in now["steps"]]
        assert now["workflow_id"] == str(target)
        if answer.status_code == 200:
            assert actions[1:] in (
                [("submitted", "accepted"), ("accepted", "accepted")],
                [("submitted", "filed"), ("filed", "accepted")],
            )
        else:
            assert (answer.status_code, answer.json()["code"]) == (412, "edited_meanwhile")
            assert actions[1:] == [("submitted", "filed")]


async def test_an_interrupted_run_goes_on_where_it_was(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(5):
        await submitted(api, tokens.resident(new_id()), provider_id)
    source = await current(api)
    target = await published(api, tokens, source, changed(source, limit_days=10))
    migration_id = await approved(api, tokens, source["workflow_id"], target)
    monkeypatch.setattr(moves, "BATCH", 2)
    async with database.transaction() as holder:  # somebody holds the fourth case
        ids = (await holder.scalars(select(Application.id).order_by(Application.id))).all()
        await holder.get_one(Application, ids[3], with_for_update=True)
        run = asyncio.create_task(carry_out(database, migration_id))
        await until(partial(_has_moved, database, 2))
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    assert await migrated(database) == ids[:2]
    assert (await preview(api, tokens, migration_id))["moving"] == 3
    assert await carry_out(database, migration_id) == 3
    assert await migrated(database) == ids


async def migrated(database: Database) -> list[UUID]:
    async with database.read() as tx:
        return list((await tx.scalars(select(MigratedCase.application_id).order_by(MigratedCase.application_id))).all())


async def _has_moved(database: Database, cases: int) -> bool:
    return len(await migrated(database)) == cases


async def test_a_moved_case_goes_on_to_its_end(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, resident: Headers
) -> None:
    case = await decided(api, clerk(tokens), await submitted(api, resident, provider_id), "accept")
    await moved(api, tokens, database, limit_days=10, accepted="taken_up", construction="building")
    case, company = await seen(api, resident, case), provider(tokens, provider_id)
    steps: list[tuple[str, str, Headers, dict[str, Any]]] = [
        (RECEIVED, "appoint_survey", company, {"appointment_on": f"{today()}"}),
        (RECEIVED, "survey", company, {}),
        (RECEIVED, "quote", company, {"amount_fen": 0}),
        (APPLICATIONS, "agree", resident, {}),
        (RECEIVED, "construct", company, {}),
        (RECEIVED, "inspect", company, {}),
        (RECEIVED, "activate", company, {"account_number": NEW_ACCOUNT}),
    ]
    for base, action, headers, parts in steps:
        case = await acted(api, base, headers, case, action, **parts)
    assert (case["status"], case["state"]) == ("ended", "completed")
