"""svc_identity at a name of this machine, where browsers have passkeys, and a Chromium that visits it."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import URL

from chassis.db import Database
from svc_identity.app import create_app
from svc_identity.settings import Settings
from svc_identity.starter import load_starter_data
from tests.chromium.browser import APP, Chromium, Tab, executable, running
from tests.databases import cloned_once
from tests.gateway.stage import listening_socket, serving
from tests.svc_identity.app_client import AUTHORIZE, AppClient
from tests.svc_identity.conftest import keys, sandboxes, sms, template, unconnected

__all__ = ["keys", "sandboxes", "sms", "template", "unconnected"]


@dataclass
class Site:
    url: str
    settings: Settings
    sms: httpx.AsyncClient

    def address(self, client_id: str = "myili-app", **changes: str) -> str:
        """Of the page with which an app lets people sign in."""
        api = httpx.AsyncClient(base_url=self.url)
        request = AppClient(api, self.sms, client_id).request(redirect_uri=APP, **changes)
        return f"{self.url}{AUTHORIZE}?{urlencode(request)}"

    async def code(self, phone: str) -> str:
        messages = (await self.sms.get("/messages", params={"phone": phone})).json()["items"]
        return str(next(each["params"]["code"] for each in messages if each["template"] == "sign_in_code"))


@pytest_asyncio.fixture(scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    if executable() is None:
        if os.environ.get("CI"):
            pytest.fail("not here: chromium")
        pytest.skip("the pages are driven in Chromium, which cannot be found")
    folder: Path = tmp_path_factory.mktemp("chromium")
    async with running(folder) as chromium:
        yield chromium


@pytest_asyncio.fixture
async def tab(chromium: Chromium) -> Tab:
    return await chromium.tab()


@pytest.fixture
def limits() -> dict[str, int]:
    return {"code_resend_seconds": 3}


@pytest_asyncio.fixture
async def site(
    template: URL,
    unconnected: Settings,
    sandboxes: dict[str, object],
    sms: httpx.AsyncClient,
    limits: dict[str, int],
) -> AsyncIterator[Site]:
    listener = listening_socket()
    url = f"http://localhost:{listener.getsockname()[1]}"
    async with cloned_once(template) as database_url:
        database = Database(database_url)
        await load_starter_data(database)
        await database.close()
        connected = {
            "public_url": url,
            "database_url": database_url.render_as_string(hide_password=False),
            "database_name": database_url.database,
            "sms_url": str(sms.base_url).rstrip("/"),
        }
        settings = type(unconnected)(**unconnected.model_dump() | connected | limits)
        async with serving(create_app(settings), listener=listener):
            yield Site(url, settings, sms)
