"""A platform of a test's own with exactly two operators."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import URL

from chassis.db import Database
from svc_identity.fields import normalise_phone
from svc_identity.memberships import grant_operator
from svc_identity.settings import Settings
from svc_identity.starter import load_starter_data
from tests.databases import cloned
from tests.svc_identity.app_client import STAFF_CONSOLE, AppClient, bearer
from tests.svc_identity.conftest import browser_on, new_operator, new_phone, proofed, running
from tests.svc_identity.organisations.role_changes.requests import Headers, granted
from tests.svc_identity.organisations.test_organisations import ORGANISATIONS


@dataclass
class Platform:
    """A platform of its own with exactly two operators, who owe the role to nobody."""

    app: FastAPI
    settings: Settings
    sms: httpx.AsyncClient
    database: Database
    api: httpx.AsyncClient
    first: Headers
    second: Headers
    id: str

    def app_client(self) -> AppClient:
        return AppClient(browser_on(self.app), self.sms, STAFF_CONSOLE, self.settings)

    async def person(self) -> tuple[AppClient, str, Headers]:
        """Somebody who has proved who they are."""
        client, phone = self.app_client(), new_phone()
        return client, phone, await proofed(client, phone)

    async def appoint(self, phone: str) -> None:
        """Make somebody an operator by command, without proof of who they are."""
        await grant_operator(self.settings, normalise_phone(phone), reason="a test")

    async def operator_made_by(self, proposer: Headers, approver: Headers) -> tuple[Headers, dict[str, Any]]:
        client, phone, _ = await self.person()
        change = await granted(self.api, (proposer, approver), self.id, phone, "operator")
        return bearer(await client.renewed()), change


@pytest_asyncio.fixture
async def platform(template: URL, settings: Settings, sms: httpx.AsyncClient) -> AsyncIterator[Platform]:
    async with cloned(template) as url:
        database = Database(url)
        await load_starter_data(database)
        own = type(settings)(**settings.model_dump() | {"database_name": url.database})
        async with running(own) as app, browser_on(app) as api:
            consoles = [AppClient(browser_on(app), sms, STAFF_CONSOLE, own) for _ in range(2)]
            first, second = [await new_operator(own, console) for console in consoles]
            listed = (await api.get(ORGANISATIONS, headers=first)).json()["items"]
            yield Platform(app, own, sms, database, api, first, second, listed[0]["organisation_id"])
        await database.close()
