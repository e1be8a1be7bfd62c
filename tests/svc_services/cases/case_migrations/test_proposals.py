"""Who may move cases, and which mappings are refused."""

import asyncio
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_services.cases.case_migrations.__main__ import main, run
from tests.svc_services.cases.applications.cases import Headers, outcome, submitted
from tests.svc_services.cases.case_migrations.migrations import (
    MIGRATIONS,
    approved,
    changed,
    current,
    decide,
    operator,
    preview,
    propose,
    published,
)


async def test_one_operator_proposes_and_another_approves(api: httpx.AsyncClient, tokens: Tokens) -> None:
    workflow, one = await current(api), operator(tokens)
    target = await published(api, tokens, workflow, changed(workflow, limit_days=10))
    proposed = await propose(api, one, workflow["workflow_id"], target)
    assert (proposed.status_code, proposed.json()["status"]) == (201, "proposed")
    migration_id = proposed.json()["migration_id"]
    assert outcome(await decide(api, one, migration_id, "approve")) == (403, "second_person_needed")
    answers = await asyncio.gather(
        *(decide(api, operator(tokens), migration_id, what) for what in ("approve", "reject"))
    )
    assert sorted(outcome(each) for each in answers)[1] == (409, "illegal_move")
    listed = (await api.get(MIGRATIONS, headers=one)).json()["items"]
    assert [each["migration_id"] for each in listed] == [migration_id]


async def test_a_mapping_in_which_cases_have_no_place_is_refused(api: httpx.AsyncClient, tokens: Tokens) -> None:
    workflow, one = await current(api), operator(tokens)
    source = workflow["workflow_id"]
    target = await published(api, tokens, workflow, changed(workflow, limit_days=10, accepted="taken_up"))
    incomplete = await propose(api, one, source, target)
    assert outcome(incomplete) == (422, "case_migration_incomplete")
    assert incomplete.json()["missing"] == ["accepted"]
    for names in (
        {"accepted": "nowhere"},
        {"accepted": "completed"},
        {"accepted": "taken_up", "completed": "taken_up"},
    ):
        assert outcome(await propose(api, one, source, target, **names)) == (422, "case_migration_bad_state")
    stopped = await propose(api, one, source, target, accepted="correction")
    assert outcome(stopped) == (422, "case_migration_stops_clock")
    assert stopped.json()["state"] == "accepted"
    other = (await current(api, "closure"))["workflow_id"]
    for unfit in (other, source, new_id()):
        assert outcome(await propose(api, one, source, unfit)) == (422, "case_migration_other_workflow")
    draft = await propose(api, one, source, target, accepted="taken_up\x00")
    assert draft.status_code == 422
    assert (await propose(api, one, source, target, accepted=None)).status_code == 201


async def test_what_nobody_approved_is_not_carried_out(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    resident: Headers,
    capsys: pytest.CaptureFixture[str],
) -> None:
    workflow = await current(api)
    await submitted(api, resident, provider_id)
    target = await published(api, tokens, workflow, changed(workflow, limit_days=10))
    proposed = await propose(api, operator(tokens), workflow["workflow_id"], target)
    migration_id = UUID(proposed.json()["migration_id"])
    seen = await preview(api, tokens, migration_id)
    assert (seen["moving"], seen["staying"]) == (1, 0)
    assert await main(Database(database.engine.url), "run", migration_id) == 2
    assert await main(Database(database.engine.url), "preview", migration_id) == 0
    assert "submitted -> submitted: 1 move" in capsys.readouterr().out
    assert (await preview(api, tokens, migration_id))["moving"] == 1
    assert await main(Database(database.engine.url), "run", new_id()) == 2
    assert (run(["run", "nobody"]), run([])) == (2, 2)


async def test_the_command_says_what_stays(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    resident: Headers,
    capsys: pytest.CaptureFixture[str],
) -> None:
    workflow = await current(api)
    await submitted(api, resident, provider_id)
    target = await published(api, tokens, workflow, changed(workflow, limit_days=10))
    migration_id = await approved(api, tokens, workflow["workflow_id"], target, submitted=None)
    assert await main(Database(database.engine.url), "run", migration_id) == 1
    said = capsys.readouterr().out
    assert "0 cases were moved" in said
    assert "submitted -> -: 0 move, 1 stay (state_left)" in said
