"""A company that announces outages, and people whose accounts it supplies."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest_asyncio

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from svc_services.supply.outages.worker import notify
from tests.svc_services.accounts.bindings.conftest import ACCOUNT, Bind, bind, person_id, provider_id
from tests.svc_services.accounts.invitations.conftest import House, house
from tests.svc_services.companies import account_number

__all__ = ["bind", "house", "person_id", "provider_id"]

OUTAGES, PREMISES, MINE = "/services/v1/outages", "/services/v1/account-premises", "/services/v1/me/outages"
YINING, COUNTY = "654002", "654021"


def hence(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


def planned(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    usual = {
        "nature": "planned",
        "cause": "maintenance",
        "note": "更换阀门",
        "starts_at": hence(days=10),
        "expected_end": hence(days=10, hours=6),
        "areas": [{"division_code": YINING, "address": "解放西路"}],
        "confirmed": True,
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def sudden(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return planned(**{"nature": "sudden", "cause": "fault", "starts_at": hence(minutes=-5), **changes})


@dataclass
class Company:
    house: House
    database: Database
    bind: Bind

    @property
    def api(self) -> httpx.AsyncClient:
        return self.house.api

    @property
    def tokens(self) -> Tokens:
        return self.house.tokens

    @property
    def headers(self) -> dict[str, str]:
        return self.tokens.client(self.house.provider_id, "accounts:write")

    async def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        return await self.api.post(path, json=body, headers=self.headers | (headers or once()))

    async def announced(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.post(OUTAGES, body)
        assert answer.status_code == 201, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def act(self, outage: dict[str, Any], action: str, body: object) -> httpx.Response:
        return await self.post(f"{OUTAGES}/{outage['outage_id']}/{action}", body)

    async def change(self, outage: dict[str, Any], **changes: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        names = ("version", "cause", "note", "starts_at", "expected_end", "areas")
        same = {name: outage[name] for name in names} | {"confirmed": True}
        return await self.act(outage, "changes", same | changes)

    async def supplied(self, address: str, account: str = ACCOUNT, division_code: str = YINING) -> None:
        premises = [{"account_number": account, "division_code": division_code, "address": address}]
        answer = await self.post(PREMISES, {"premises": premises})
        assert (answer.status_code, answer.json()) == (200, {"received": 1}), answer.text

    async def neighbour(self, address: str | None, serial: int) -> UUID:
        """Another person with an account."""
        person, account = new_id(), account_number(serial)
        assert (await self.bind(account, person=person)).status_code == 201
        if address:
            await self.supplied(address, account)
        return person

    async def mine(self, person: UUID | None = None) -> list[dict[str, Any]]:
        headers = self.tokens.resident(person or self.house.owner_id)
        answer = await self.api.get(MINE, headers=headers)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def told(self, at_once: int = 500) -> list[tuple[int, UUID, str, bool]]:
        """What people are told after the worker has run: version, person, status, whether it concerns them."""
        await notify(self.database, at_once)
        async with self.database.read() as tx:
            found = [each.data for each in await emitted(tx) if ".outage." in each.type]
        return [(each["version"], UUID(each["person_id"]), each["status"], each["affected"]) for each in found]


@pytest_asyncio.fixture
async def company(house: House, database: Database, bind: Bind) -> Company:
    return Company(house, database, bind)
