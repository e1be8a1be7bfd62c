"""Where each page of svc_identity is found by somebody who signs in, and what holds for all of them."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from chassis.db import Database
from chassis.testing import once
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import register_client
from svc_identity.people.passwords.hashing import Hashing
from svc_identity.people.passwords.service import replace
from svc_identity.people.persons.service import person_of_phone
from tests.chromium.browser import Tab
from tests.chromium.conftest import Site
from tests.chromium.test_layout import contrast, fit
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.identities import proof

OAUTH = "/identity/v1/oauth"
CONTRACT = Path(__file__).parents[2] / "contracts/openapi/identity.v1.json"
SCREEN, SECRET = "hall-screen", "薰衣草田里的旧拖拉机"
RTL = {"kk-Arab", "ug"}
SUBMIT = "form button[type=submit]"
_WORDS = """(() => {
  const found = [], clear = /, 0\\)$/;
  const paper = each => { let at = each, colour = 'rgba(0, 0, 0, 0)';
    for (; at && clear.test(colour); at = at.parentElement) { colour = getComputedStyle(at).backgroundColor; }
    return colour; };
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const each = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() && each.offsetParent !== null && !each.closest('.qr, :disabled')) {
      found.push([walker.currentNode.data.trim(), getComputedStyle(each).color, paper(each)]);
    }
  }
  return found; })()"""
_LANGUAGES = "[...document.querySelectorAll('footer nav > *')].map(each => each.lang)"


def addresses_of_pages() -> set[str]:
    """The paths of all operations that a browser opens."""
    paths: dict[str, Any] = json.loads(CONTRACT.read_text("utf-8"))["paths"]
    return {path for path, methods in paths.items() if "text/html" in json.dumps(methods.get("get", {}))}


class Visitor:
    """A tab that looks at whatever page it is on, and remembers which it has seen."""

    def __init__(self, tab: Tab, site: Site, language: str) -> None:
        self.tab, self.site, self.language = tab, site, language
        self.seen = set[str]()

    async def open(self, path: str, **query: str) -> None:
        """Open a page by its path, and look at it."""
        where = path if path.startswith("http") else f"{self.site.url}{path}?{urlencode(query)}"
        self._see(urlsplit(where).path)
        await self.tab.open(where)
        await self.look()

    async def look(self) -> None:
        """Fail where the page is not one that everybody can read in their language."""
        where = str(await self.tab.run("location.href"))
        self._see(urlsplit(where).path)
        assert await self.tab.run("document.contentType") == "text/html", where
        expected = [self.language, "rtl" if self.language in RTL else "ltr"]
        assert await self.tab.run("[document.documentElement.lang, document.documentElement.dir]") == expected, where
        assert await self.tab.run(_LANGUAGES) in ([], ["zh", "en", "kk-Arab", "ug"]), where
        refused = await self.tab.run("performance.getEntriesByType('navigation')[0].responseStatus >= 400")
        assert not refused or await self.tab.run("document.querySelectorAll('form button, main a').length > 0"), where
        await fit(self.tab)
        for words, ink, paper in await self.tab.run(_WORDS):
            assert contrast(ink, paper) >= 4.5, f"{where}: {words} {ink} {paper}"
        assert self.tab.complaints == []

    def _see(self, path: str) -> None:
        for each in addresses_of_pages():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", each), path):
                self.seen.add(each)

    async def submit(self, until: str, selector: str = SUBMIT, *, times: int = 1, **fields: str) -> None:
        """Fill a form, tap its button, and look at the page that comes, which the expression tells from this one."""
        for name, value in fields.items():
            await self.tab.fill(name, value)
        await self.tab.tick()
        await self.tab.run("window.before = true")
        await self.tab.tap(selector, times=times)
        await self.tab.until(f"!window.before && document.readyState === 'complete' && ({until})")
        await self.look()

    async def to_code(self, address: str, phone: str, *, times: int = 1) -> None:
        await self.open(address)
        await self.submit("document.querySelector('#code, .problem')", times=times, phone=phone)
        if await self.tab.run("document.getElementById('begin') !== null"):  # agreed to by another phone only
            await self.submit("document.getElementById('code')", times=times, phone=phone)

    async def after_code(self, address: str, phone: str, until: str, selector: str = SUBMIT, *, times: int = 1) -> None:
        await self.to_code(address, phone, times=times)
        await self.submit(until, selector, times=times, code=await self.site.code(phone))


class Residents:
    """People and apps that stand in the database before the browser comes."""

    def __init__(self, site: Site, api: httpx.AsyncClient) -> None:
        self.site, self.api = site, api

    async def signed_in(self, phone: str) -> tuple[dict[str, str], str]:
        """Somebody registered: their headers, and the ID token of their sign-in."""
        app = AppClient(self.api, self.site.sms)
        tokens = await app.tokens(phone)
        return bearer(tokens), str(tokens["id_token"])

    async def proved(self, phone: str) -> None:
        headers, _ = await self.signed_in(phone)
        answer = await self.api.post("/identity/v1/me/proofing", json=proof(), headers=headers | once())
        assert answer.status_code == 200, answer.text

    async def with_password(self, phone: str) -> None:
        hashed = await Hashing(self.site.settings).hash(SECRET)
        database = Database.of(self.site.settings)
        async with database.transaction() as tx:
            await replace(tx, (await person_of_phone(tx, phone)).id, hashed)
        await database.close()

    async def screen(self) -> str:
        """A device that waits: the code that it shows."""
        database = Database.of(self.site.settings)
        async with database.transaction() as tx:
            await register_client(tx, SCREEN, scopes=["openid", "bills"], redirect_uris=["myili://callback"])
            (await tx.get_one(Client, SCREEN)).device_grant = True
        await database.close()
        form = {"client_id": SCREEN, "scope": "openid bills"}
        answer = await self.api.post(f"{OAUTH}/device-authorization", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["user_code"])
