"""A second version of the starter's connection, and moving cases to it."""

import json
from typing import Any
from uuid import UUID

import httpx

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from svc_services.cases.case_migrations.moves import carry_out
from tests.svc_services.cases.workflows.definitions import label

MIGRATIONS = "/services/v1/case-migrations"
WORKFLOWS, PROPOSALS = "/services/v1/workflows", "/services/v1/workflow-proposals"
REASON = {
    "zh": "办理规定已修改",
    "en": "The rules have changed",
    "kk": "تارتىپ وزگەردى",
    "ug": "بەلگىلىمە ئۆزگەردى",
}
Json = dict[str, Any]


def operator(tokens: Tokens) -> dict[str, str]:
    return tokens.staff("operator", division_code="654000", person_id=new_id())


async def current(api: httpx.AsyncClient, kind: str = "new_connection") -> Json:
    wanted = {"utility_kind": "water", "application_kind": kind}
    (workflow,) = (await api.get(WORKFLOWS, params=wanted)).json()["items"]
    found: Json = workflow
    return found


def changed(workflow: Json, *, limit_days: int, **names: str) -> Json:
    """The definition with another limit and other names of states."""
    definition: Json = json.loads(json.dumps(workflow["definition"]))
    definition["limit_days"] = limit_days
    definition["extension_days"] = definition["extension_days"] and min(definition["extension_days"], limit_days)
    definition["start"] = names.get(definition["start"], definition["start"])
    for state in definition["states"]:
        state["name"] = names.get(state["name"], state["name"])
        state["limit_days"] = state["limit_days"] and min(state["limit_days"], limit_days)
    for action in definition["actions"]:
        action["to"] = names.get(action["to"], action["to"])
        action["from_states"] = [names.get(each, each) for each in action["from_states"]]
    definition["labels"] |= {name: label(name) for name in names.values()}
    return definition


async def published(api: httpx.AsyncClient, tokens: Tokens, workflow: Json, definition: Json) -> UUID:
    """The next version of a workflow."""
    same = ("utility_kind", "application_kind", "form")
    body = {name: workflow[name] for name in same} | {"definition": definition}
    proposed = await api.post(PROPOSALS, json=body, headers=operator(tokens) | once())
    assert proposed.status_code == 201, proposed.text
    workflow_id = UUID(proposed.json()["workflow_id"])
    answer = await api.post(f"{PROPOSALS}/{workflow_id}/publish", headers=operator(tokens) | once())
    assert answer.status_code == 200, answer.text
    return workflow_id


async def propose(
    api: httpx.AsyncClient, headers: dict[str, str], source: object, target: object, **names: str | None
) -> httpx.Response:
    body = {"from_workflow_id": f"{source}", "to_workflow_id": f"{target}", "state_names": names, "reason": REASON}
    return await api.post(MIGRATIONS, json=body, headers=headers | once())


async def decide(api: httpx.AsyncClient, headers: dict[str, str], migration_id: object, what: str) -> httpx.Response:
    return await api.post(f"{MIGRATIONS}/{migration_id}/{what}", headers=headers | once())


async def approved(api: httpx.AsyncClient, tokens: Tokens, source: object, target: object, **names: str | None) -> UUID:
    proposed = await propose(api, operator(tokens), source, target, **names)
    assert proposed.status_code == 201, proposed.text
    migration_id = UUID(proposed.json()["migration_id"])
    answer = await decide(api, operator(tokens), migration_id, "approve")
    assert answer.status_code == 200, answer.text
    return migration_id


async def moved(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, *, limit_days: int = 10, **names: str
) -> tuple[UUID, int]:
    """Open connections moved to a new version: its id, and how many were."""
    workflow = await current(api)
    target = await published(api, tokens, workflow, changed(workflow, limit_days=limit_days, **names))
    migration_id = await approved(api, tokens, workflow["workflow_id"], target, **names)
    return target, await carry_out(database, migration_id)


async def preview(api: httpx.AsyncClient, tokens: Tokens, migration_id: object) -> Json:
    answer = await api.get(f"{MIGRATIONS}/{migration_id}/preview", headers=operator(tokens))
    assert answer.status_code == 200, answer.text
    seen: Json = answer.json()
    return seen
