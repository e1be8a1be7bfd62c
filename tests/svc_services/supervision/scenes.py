"""Late cases, orders and ratings, as people send them."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import time_machine

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from tests.svc_services.cases.applications.cases import YINING, Case, Headers, bound, submitted

LATE = "/services/v1/late-cases"
ORDERS = "/services/v1/supervision-orders"
APPLICATIONS = "/services/v1/applications"
RATINGS = "/services/v1/ratings"
APPEALS = "/services/v1/rating-appeals"
RECTIFICATIONS = "/services/v1/rectifications"
Someone = Callable[[], Headers]
"""Somebody who signs in anew, as a token does not outlive ten minutes."""


def at_noon(day: date | str) -> Any:  # noqa: ANN401 - time_machine's type
    return time_machine.travel(f"{day}T12:00:00+08:00")


def operator(tokens: Tokens, division_code: str = YINING, person_id: UUID | None = None) -> Headers:
    return tokens.staff("operator", division_code=division_code, person_id=person_id or new_id())


def someone(tokens: Tokens, role: str, person_id: UUID | None = None, division_code: str = YINING) -> Someone:
    return partial(tokens.staff, role, division_code=division_code, person_id=person_id or new_id())


async def closing(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    person_id: UUID,
    account: str = "1234567895",
) -> Case:
    number = await bound(database, person_id, provider_id, account)
    form = {"last_day": "2026-12-31"}
    return await submitted(
        api, tokens.resident(person_id), provider_id, kind="closure", form=form, account_number=number
    )


async def post(api: httpx.AsyncClient, path: str, headers: Headers, body: Any = None) -> httpx.Response:  # noqa: ANN401 - JSON
    return await api.post(path, json=body, headers=headers | once())


async def done(api: httpx.AsyncClient, path: str, headers: Headers, body: Any = None) -> dict[str, Any]:  # noqa: ANN401 - JSON
    answer = await post(api, path, headers, body)
    assert answer.status_code in {200, 201}, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def events_of(database: Database, noun: str) -> list[dict[str, Any]]:
    async with database.read() as tx:
        return [each.data for each in await emitted(tx) if f".{noun}." in each.type]
