"""A counter with a clerk and a supervisor, and two people who have proved the same ID number."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest_asyncio

from chassis.db import Database
from chassis.testing import emitted, once
from svc_identity.settings import Settings
from tests.svc_identity.app_client import STAFF_CONSOLE, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.organisations.role_changes.requests import Headers, granted
from tests.svc_identity.organisations.test_organisations import create
from tests.svc_identity.people.proofing.proofs import on_record, prove

CLAIMS = "/identity/v1/identity-claims"
MINE = "/identity/v1/me/identity-claims"
REASON = "the document shows this person"


@dataclass
class Resident:
    """Somebody with the app."""

    client: AppClient
    phone: str
    signed_in: dict[str, Any]

    async def me(self) -> dict[str, Any]:
        shown: dict[str, Any] = (await self.client.api.get("/identity/v1/me", headers=self.headers)).json()
        return shown

    async def prove(self, number: str) -> httpx.Response:
        return await prove(self.client.api, self.signed_in, number=number)

    async def renewed(self) -> Headers:
        self.signed_in = await self.client.renewed()
        return self.headers

    async def back(self) -> "Resident":
        """Sign in anew, as somebody who lost the identity has to."""
        self.signed_in = await self.client.tokens(self.phone)
        return self

    @property
    def headers(self) -> Headers:
        return bearer(self.signed_in)


@dataclass
class Counter:
    """The one-stop counter of a county, whose staff does the steps of a claim."""

    id: str
    clerk: Resident
    supervisor: Resident

    async def review(self, number: str, verdict: str = "upheld") -> httpx.Response:
        body = {"organisation_id": self.id, "verdict": verdict, "reason": REASON}
        return await step(self.clerk, number, "review", json=body)

    async def confirm(self, number: str) -> httpx.Response:
        return await step(self.supervisor, number, "confirm")


async def step(by: Resident, number: str, name: str, **request: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    return await by.client.api.post(f"{CLAIMS}/{number}/{name}", headers=by.headers | once(), **request)


async def new_resident(new_app_client: Callable[[], AppClient]) -> Resident:
    client, phone = new_app_client(), new_phone()
    return Resident(client, phone, await client.tokens(phone))


async def employed(
    settings: Settings,
    new_console: Callable[[], AppClient],
    operators: tuple[Headers, Headers],
    organisation_id: str,
    role: str,
) -> Resident:
    """Somebody who has proved who they are and has this role."""
    resident = await new_resident(new_console)
    assert (await resident.prove(on_record(settings))).status_code == 200
    await granted(resident.client.api, operators, organisation_id, resident.phone, role)
    await resident.renewed()
    return resident


@pytest_asyncio.fixture
async def counter(
    settings: Settings,
    new_app_client: NewAppClient,
    operator: Headers,
    second_operator: Headers,
) -> Counter:
    return await counter_at(settings, partial(new_app_client, STAFF_CONSOLE), (operator, second_operator))


async def counter_at(
    settings: Settings, new_console: Callable[[], AppClient], operators: tuple[Headers, Headers]
) -> Counter:
    organisation_id = (await create(new_console().api, operators[0])).json()["organisation_id"]
    roles = ("clerk", "till_supervisor")
    staff = [await employed(settings, new_console, operators, organisation_id, role) for role in roles]
    return Counter(organisation_id, *staff)


@dataclass
class Clash:
    """Two people with one ID number: the first has proved it, the second claims it."""

    holder: Resident
    claimant: Resident
    id_number: str
    number: str
    """Of the claim."""


async def clash_between(holder: Resident, claimant: Resident, id_number: str) -> Clash:
    taken = await claimant.prove(id_number)
    assert (taken.status_code, taken.json()["code"]) == (409, "id_number_taken")
    return Clash(holder, claimant, id_number, taken.json()["claim_number"])


@pytest_asyncio.fixture
async def clash(settings: Settings, new_app_client: NewAppClient) -> Clash:
    id_number = on_record(settings)
    holder = await new_resident(partial(new_app_client, STAFF_CONSOLE))  # may become staff
    claimant = await new_resident(new_app_client)
    assert (await holder.prove(id_number)).status_code == 200
    return await clash_between(holder, claimant, id_number)


async def events_about(database: Database, *keys: str) -> list[tuple[str, dict[str, Any]]]:
    """What was said of these persons and claims, without the prefix of the types."""
    async with database.read() as tx:
        found = [event for event in await emitted(tx) if event.key in keys]
    return [(event.type.removeprefix("cn.ili.identity."), event.data) for event in found]
