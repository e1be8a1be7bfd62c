"""Companies of several kinds in one city, and what a resident asks of them at once."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from chassis.testing import Emitted, Tokens, emitted, once
from kit.calendar import is_weekday, today, working_day_after
from svc_services.supervision.ratings.consumers import HANDLERS
from tests.svc_services.cases.applications.cases import APPLICATIONS, FORM, RECEIVED, YINING, Case, Headers
from tests.svc_services.cases.applications.cases import acted as case_acted
from tests.svc_services.cases.applications.cases import provider as provider_headers
from tests.svc_services.companies import approved

JOINT = "/services/v1/joint-applications"
RECEIVED_JOINT = "/services/v1/received-joint-applications"
JOINT_QUEUE = "/services/v1/joint-application-queue"
KINDS = ("water", "electricity", "gas", "heating", "telecom", "cable_tv")
Json = dict[str, Any]


async def companies(api: httpx.AsyncClient, tokens: Tokens, count: int = 3) -> list[UUID]:
    return [await approved(api, tokens, division_codes=[YINING], kind=kind) for kind in KINDS[:count]]


def wanted(provider_ids: Sequence[UUID], **changes: Any) -> Json:  # noqa: ANN401 - JSON
    branches = [{"provider_id": str(each), "kind": "new_connection"} for each in provider_ids]
    return {"division_code": YINING, "branches": branches, "form": {"shared": FORM}, **changes}


async def begin(api: httpx.AsyncClient, headers: Headers, body: Json) -> httpx.Response:
    return await api.post(JOINT, json=body, headers=headers | once())


async def save(api: httpx.AsyncClient, headers: Headers, joint: Json, body: Json) -> httpx.Response:
    return await api.put(path_of(joint), json=body, headers=headers | {"If-Match": f'"{joint["version"]}"'})


async def submit(api: httpx.AsyncClient, headers: Headers, joint: Json) -> httpx.Response:
    tagged = headers | once() | {"If-Match": f'"{joint["version"]}"'}
    return await api.post(f"{path_of(joint)}/submit", headers=tagged)


async def filed(api: httpx.AsyncClient, headers: Headers, provider_ids: Sequence[UUID]) -> Json:
    begun = await begin(api, headers, wanted(provider_ids))
    assert begun.status_code == 201, begun.text
    answer = await submit(api, headers, begun.json())
    assert answer.status_code == 200, answer.text
    joint: Json = answer.json()
    return joint


async def mine(api: httpx.AsyncClient, headers: Headers, joint: Json) -> Json:
    answer = await api.get(path_of(joint), headers=headers)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def path_of(joint: Json, base: str = JOINT) -> str:
    return f"{base}/{joint['joint_application_id']}"


def case_of(joint: Json, position: int) -> Case:
    case: Case = joint["branches"][position - 1]["application"]
    return case


async def current(api: httpx.AsyncClient, headers: Headers, joint: Json, position: int) -> Case:
    case: Case = (await api.get(f"{APPLICATIONS}/{case_of(joint, position)['application_id']}", headers=headers)).json()
    return case


async def accepted(api: httpx.AsyncClient, tokens: Tokens, case: Case) -> Case:
    return await case_acted(api, RECEIVED, provider_headers(tokens, UUID(case["provider_id"])), case, "accept")


async def refused(api: httpx.AsyncClient, tokens: Tokens, case: Case) -> Case:
    company = provider_headers(tokens, UUID(case["provider_id"]))
    return await case_acted(api, RECEIVED, company, case, "refuse", reason="no line in the street")


async def propose(api: httpx.AsyncClient, headers: Headers, joint: Json, *days: date, **more: bool) -> httpx.Response:
    body = {"days": [day.isoformat() for day in days], **more}
    base = JOINT if "application_id" not in joint else RECEIVED_JOINT
    return await api.post(f"{path_of(joint, base)}/survey-days", json=body, headers=headers | once())


async def answer(
    api: httpx.AsyncClient, tokens: Tokens, joint: Json, position: int, *days: date, **more: bool
) -> httpx.Response:
    company = provider_headers(tokens, UUID(joint["branches"][position - 1]["provider_id"]))
    body = {"days": [day.isoformat() for day in days], **more}
    return await api.put(f"{path_of(joint, RECEIVED_JOINT)}/survey-answer", json=body, headers=company)


def in_days(days: int) -> date:
    return today() + timedelta(days=days)


def weekday(count: int) -> date:
    """The weekday so many weekdays after today, which is a working day while no calendar is loaded."""
    return working_day_after(today(), count, counts=is_weekday)


def saturday() -> date:
    """The Saturday of the week after next."""
    return today() + timedelta(days=(5 - today().weekday()) % 7 + 14)


async def events(database: Database, what: str) -> list[Emitted]:
    async with database.read() as tx:
        return [each for each in await emitted(tx) if each.type == f"cn.ili.services.joint_application.{what}.v1"]


async def followed(database: Database, *cases: Case) -> None:
    """The worker hears that these cases have moved."""
    for case in cases:
        await hear(database, case["application_id"])


async def hear(database: Database, application_id: str) -> None:
    handler, _of_closure = HANDLERS
    moved = handler.data.model_validate({"application_id": application_id})
    async with database.transaction() as tx:
        await handler.handle(tx, Received(new_id(), handler.event_type, now(), moved))
