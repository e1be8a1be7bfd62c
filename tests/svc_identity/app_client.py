"""The residents' app and a resident's browser, written like any external client."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from svc_identity.fields import normalise_phone
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.people.factors.enrolment import issue
from svc_identity.settings import Settings
from tests.authenticators import Authenticator, shown_on

AUTHORIZE = "/identity/v1/oauth/authorize"
TOKEN = "/identity/v1/oauth/token"  # noqa: S105 - an address
REDIRECT_URI, LOOPBACK = "myili://callback", "http://127.0.0.1:53124/callback"
APP, STAFF_CONSOLE = "myili-app", "myili-staff"
_SCOPES = {
    APP: "openid profile phone bills pay accounts applications mini_apps offline_access",
    STAFF_CONSOLE: "openid profile staff offline_access",
}
AUTHENTICATORS: dict[str, Authenticator] = {}
"""By the phone of their owner."""
CODE = re.compile(r"<li><code>([^<]+)</code>")


@dataclass
class Form:
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    ticks: dict[str, str] = field(default_factory=dict)
    """What the page offers to tick."""


class Page(HTMLParser):
    """The forms and the text of a page."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.forms: list[Form] = []
        self.root: dict[str, str | None] = {}
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "html":
            self.root = found
        elif tag == "form":
            self.forms.append(Form(found["action"] or ""))
        elif tag == "input" and found.get("type") == "hidden":
            self.forms[-1].fields[found["name"] or ""] = found["value"] or ""
        elif tag == "input" and found.get("type") == "checkbox":
            assert "checked" not in found, "consent is never ticked in advance"
            self.forms[-1].ticks[found["name"] or ""] = found["value"] or ""


class AppClient:
    """One sign-in of one resident: `code = await app.sign_in(phone)`, then `await app.redeem(code)`."""

    def __init__(
        self, api: httpx.AsyncClient, sms: httpx.AsyncClient, client_id: str = APP, settings: Settings | None = None
    ) -> None:
        self.api = api
        self.settings = settings
        self.client_id = client_id
        self.redirect_uri = LOOPBACK if client_id == STAFF_CONSOLE else REDIRECT_URI
        self.sms = sms
        self.verifier = secrets.token_urlsafe(48)
        self.state = secrets.token_urlsafe(12)
        self.nonce = secrets.token_urlsafe(12)
        self.refresh_token = ""
        self.recovery_codes: list[str] = []

    def request(self, **changes: str | None) -> dict[str, str]:
        """An authorization request; a parameter can be replaced, or dropped with None."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        usual = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": _SCOPES.get(self.client_id, "openid"),
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    async def begin(self, **changes: str | None) -> Page:
        return Page(await self.api.get(AUTHORIZE, params=self.request(**changes)))

    async def type_phone(self, page: Page, phone: str, agreed: str | None = version_in_force()) -> httpx.Response:
        form = page.forms[0]
        ticked = {} if agreed is None else {"agreed": agreed}
        return await self.api.post(form.action, data={**form.fields, **ticked, "phone": phone})

    async def code_page(self, phone: str, **changes: str | None) -> Page:
        sent = await self.type_phone(await self.begin(**changes), phone)
        assert sent.status_code == 303, sent.text
        return Page(await self.api.get(sent.headers["location"]))

    async def type_code(self, page: Page, code: str) -> httpx.Response:
        form = page.forms[0]
        return await self.api.post(form.action, data={**form.fields, "code": code})

    async def texted_code(self, phone: str) -> str:
        """The newest code sent to the phone."""
        messages = (await self.sms.get("/messages", params={"phone": phone})).json()["items"]
        code: str = next(each["params"]["code"] for each in messages if each["template"] == "sign_in_code")
        return code

    async def factor_page(self, phone: str, **changes: str | None) -> Page:
        """The page after the texted code, where a second factor is needed."""
        page = await self.code_page(phone, **changes)
        passed = await self.type_code(page, await self.texted_code(phone))
        assert passed.status_code == 303, passed.text
        return Page(await self.api.get(passed.headers["location"]))

    async def set_up(self, page: Page, phone: str, enrolment_code: str | None = None) -> httpx.Response:
        """Set up an authenticator app and keep the recovery codes; returns the answer that leads to the app.

        Members of staff have an enrolment code, unless the test gives another one.
        """
        authenticator = shown_on(page.answer.text)
        form = page.forms[0]
        if enrolment_code is None and self.settings and 'name="enrolment_code"' in page.answer.text:
            enrolment_code = await issue(self.settings, normalise_phone(phone), "a test")
        data = {**form.fields, "code": authenticator.code(), "enrolment_code": enrolment_code or ""}
        done = await self.api.post(form.action, data=data)
        assert done.status_code == 303, done.text
        AUTHENTICATORS[phone] = authenticator
        kept = Page(await self.api.get(done.headers["location"]))
        self.recovery_codes = CODE.findall(kept.answer.text)
        return await self.api.post(kept.forms[0].action, data=kept.forms[0].fields)

    async def _second_step(self, passed: httpx.Response, phone: str, enrolment_code: str | None) -> httpx.Response:
        if not passed.headers.get("location", "").startswith(AUTHORIZE):
            return passed
        page = Page(await self.api.get(passed.headers["location"]))
        if 'class="key"' in page.answer.text:
            return await self.set_up(page, phone, enrolment_code)
        return await self.type_code(page, AUTHENTICATORS[phone].code())

    async def sign_in(self, phone: str, *, enrolment_code: str | None = None, **changes: str | None) -> str:
        """Sign in through the pages, with the second factor where it is asked for; returns the authorization code."""
        page = await self.code_page(phone, **changes)
        passed = await self.type_code(page, await self.texted_code(phone))
        answer = await self._second_step(passed, phone, enrolment_code)
        returned = returned_to_app(answer)
        assert returned["state"] == self.state
        return returned["code"]

    async def redeem(self, code: str, **changes: str | None) -> httpx.Response:
        usual = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "code": code,
            "code_verifier": self.verifier,
        }
        data = {name: value for name, value in {**usual, **changes}.items() if value is not None}
        return await self.api.post(TOKEN, data=data)

    async def refresh(self, refresh_token: str, **more: str) -> httpx.Response:
        data = {"grant_type": "refresh_token", "client_id": self.client_id, "refresh_token": refresh_token, **more}
        return await self.api.post(TOKEN, data=data)

    async def tokens(self, phone: str, **changes: str | None) -> dict[str, Any]:
        """Sign in and redeem the code; returns the token answer."""
        answer = await self.redeem(await self.sign_in(phone, **changes))
        assert answer.status_code == 200, answer.text
        return self._kept(answer)

    async def renewed(self) -> dict[str, Any]:
        """The token answer for the newest refresh token, with the roles and the level of now."""
        answer = await self.refresh(self.refresh_token)
        assert answer.status_code == 200, answer.text
        return self._kept(answer)

    def _kept(self, answer: httpx.Response) -> dict[str, Any]:
        tokens: dict[str, Any] = answer.json()
        self.refresh_token = tokens["refresh_token"]
        return tokens


def returned_to_app(answer: httpx.Response) -> dict[str, str]:
    """The parameters the browser brings back to the app."""
    assert answer.status_code == 303, answer.text
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}
