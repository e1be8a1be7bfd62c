"""The client of a person: the mobile app, which signs in through the browser with OpenID Connect."""

import base64
import hashlib
import secrets
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.authenticators import Authenticator, shown_on
from tests.journeys.demo import sample_codes
from tests.journeys.demo.narrator import Surprise

REDIRECT_URI = "http://127.0.0.1:53682/callback"
STAFF_CONSOLE = "myili-staff"
_SCOPES = {
    "myili-app": "openid profile phone bills pay accounts applications mini_apps offline_access",
    STAFF_CONSOLE: "openid profile staff offline_access",
}
_SECONDS = 60


class Person:
    """Somebody with a phone who uses the app, or the staff console."""

    def __init__(self, gateway: str, sms: str, phone: str, client_id: str = "myili-app", *, key: str = "") -> None:
        self.phone = phone
        self.authenticator = Authenticator(key) if key else None
        self.enrolment_code = ""
        """From an operator, for the first sign-in as staff."""
        self.client_id = client_id
        self._sms = sms
        self._http = httpx.Client(base_url=gateway, timeout=_SECONDS, headers={"Accept-Language": "en"})
        self._tokens: dict[str, Any] = {}

    def close(self) -> None:
        self._http.close()

    def call(self, method: str, path: str, *, key: str | None = None, **request: Any) -> httpx.Response:  # noqa: ANN401
        """One call through the gateway. Unsafe ones carry a new Idempotency-Key, or the given one."""
        headers = {"Authorization": f"Bearer {self._tokens['access_token']}", **request.pop("headers", {})}
        if method == "POST":
            headers["Idempotency-Key"] = key or secrets.token_hex(16)
        return self._http.request(method, path, headers=headers, **request)

    def sign_in(self) -> dict[str, Any]:
        """Authorization code with PKCE: the browser's pages, the code on the handset, the tokens."""
        verifier = secrets.token_urlsafe(48)
        state = secrets.token_urlsafe(16)
        code = self._code_from_browser(verifier, state)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
        return self._fetch_tokens({**form, "code_verifier": verifier, "client_id": self.client_id})

    def sign_in_proofed(self, name: str = "测试人员") -> None:
        """Sign in, and prove an identity where the person has not yet."""
        self.sign_in()
        if self.call("GET", "/identity/v1/me").json()["assurance_level"] == 1:
            proof = self.proof(name, sample_codes.id_number())
            self.call("POST", "/identity/v1/me/proofing", json=proof).raise_for_status()
            self.refresh()

    def proof(self, name: str, number: str) -> dict[str, str]:
        """The body of a proofing, with the consent that this person gives to it."""
        version: str = self.call("GET", "/identity/v1/agreements").json()["version"]
        return {"name": name, "id_number": number, "consent_version": version}

    def refresh(self) -> dict[str, Any]:
        """New tokens, with the current assurance level."""
        form = {"grant_type": "refresh_token", "refresh_token": self._tokens["refresh_token"]}
        return self._fetch_tokens({**form, "client_id": self.client_id})

    def sign_out(self) -> httpx.Response:
        """Revoke the refresh token (RFC 7009), which ends the sign-in."""
        form = {"client_id": self.client_id, "token": self._tokens["refresh_token"]}
        return self._http.post("/identity/v1/oauth/revoke", data=form)

    def _fetch_tokens(self, form: dict[str, str]) -> dict[str, Any]:
        server = self._http.get("/identity/.well-known/openid-configuration").raise_for_status().json()
        answer = self._http.post(urlsplit(server["token_endpoint"]).path, data=form)
        if answer.status_code != httpx.codes.OK:
            raise Surprise(f"the token endpoint answered {answer.status_code} {answer.text[:300]}")
        self._tokens = answer.json()
        return self._tokens

    def _code_from_browser(self, verifier: str, state: str) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT_URI,
            "scope": _SCOPES[self.client_id],
            "state": state,
            "nonce": secrets.token_urlsafe(16),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        # A browser of its own: cookies stay apart from the app's calls.
        with httpx.Client(base_url=self._http.base_url, follow_redirects=True, timeout=_SECONDS) as browser:
            phone_page = browser.get("/identity/v1/oauth/authorize", params=query)
            code_page = _submit(browser, phone_page, phone=self.phone)
            browser.follow_redirects = False
            back = _submit(browser, code_page, code=self._code_on_handset())
            if urlsplit(back.headers.get("location", "")).path.endswith("/factor"):
                back = self._second_step(browser, browser.get(back.headers["location"]))
        answer = parse_qs(urlsplit(back.headers.get("location", "")).query)
        if answer.get("state") != [state] or "code" not in answer:
            raise Surprise(f"signing in did not lead back to the app: {back.status_code}")
        code: str = answer["code"][0]
        return code

    def _second_step(self, browser: httpx.Client, page: httpx.Response) -> httpx.Response:
        """The code of the authenticator app, which is set up first where the person has none."""
        if self.authenticator is None:
            self.authenticator = shown_on(page.text)
            typed = {"code": self.authenticator.code(), "enrolment_code": self.enrolment_code}
            kept = browser.get(_submit(browser, page, **typed).headers["location"])
            return _submit(browser, kept, form_token=_Forms(kept.text).forms[0][1]["form_token"])
        back = _submit(browser, page, code=self.authenticator.code())
        while back.status_code == httpx.codes.UNPROCESSABLE_ENTITY:  # somebody else uses this authenticator too
            back = _submit(browser, back, code=self.authenticator.code())
        return back

    def _code_on_handset(self) -> str:
        messages = httpx.get(f"{self._sms}/messages", params={"phone": self.phone}).raise_for_status().json()
        codes = (each["params"]["code"] for each in messages["items"] if each["template"] == "sign_in_code")
        return str(next(codes))


class _Forms(HTMLParser):
    """The forms of a page: where each goes and the fields it carries."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((named.get("action", ""), {}))
        elif tag == "input" and "name" in named and self.forms:
            self.forms[-1][1][named["name"]] = named.get("value", "")


def _submit(browser: httpx.Client, page: httpx.Response, **values: str) -> httpx.Response:
    """Fill in the form that has these fields, and send it."""
    for action, fields in _Forms(page.text).forms:
        if values.keys() <= fields.keys():
            return browser.post(page.url.join(action), data={**fields, **values})
    raise Surprise(f"the page at {page.url.path} ({page.status_code}) has no form with {', '.join(values)}")
