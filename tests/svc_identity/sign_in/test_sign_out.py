"""An app sends its browser here to sign out; the person confirms; nobody is sent to an address of others."""

import time
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.db import new_id
from chassis.testing import Tokens
from svc_identity.texts import languages
from tests.security_log import SecurityLog
from tests.svc_identity.app_client import AppClient, Page
from tests.svc_identity.conftest import PUBLIC_URL

END, CONFIRM = "/identity/v1/oauth/end-session", "/identity/v1/oauth/end-session/confirmations"
BACK = "myili://signed-out"


async def confirm(page: Page, api: httpx.AsyncClient) -> httpx.Response:
    (form,) = page.forms
    return await api.post(form.action, data=form.fields)


async def is_signed_in(app_client: AppClient, token: str) -> bool:
    return (await app_client.refresh(token)).status_code == 200


async def test_the_person_is_asked_and_the_browser_goes_back_to_the_app(
    app_client: AppClient, phone: str, security_log: SecurityLog
) -> None:
    issued = await app_client.tokens(phone)
    request = {"id_token_hint": issued["id_token"], "post_logout_redirect_uri": BACK, "state": "a b&c"}
    page = Page(await app_client.api.get(END, params=request))
    assert page.answer.status_code == 200
    assert page.answer.headers["cache-control"] == "no-store"
    assert "form-action 'self' myili:" in page.answer.headers["content-security-policy"]
    issued |= (await app_client.refresh(issued["refresh_token"])).json()  # nothing has ended yet
    security_log.forget()
    answer = await confirm(page, app_client.api)
    assert (answer.status_code, answer.headers["location"]) == (303, "myili://signed-out?state=a+b%26c")
    assert not await is_signed_in(app_client, issued["refresh_token"])
    assert ("signed_out", "revoked") in security_log.kinds()
    again = await confirm(page, app_client.api)  # the second tap
    assert again.headers["location"] == answer.headers["location"]


async def test_without_an_address_there_is_a_page(app_client: AppClient, phone: str) -> None:
    issued = await app_client.tokens(phone)
    with time_machine.travel(time.time() + 7_200):  # an expired ID token still names its sign-in
        page = Page(
            await app_client.api.post(END, data={"id_token_hint": issued["id_token"], "client_id": "myili-app"})
        )
        answer = await confirm(page, app_client.api)
        assert (answer.status_code, Page(answer).forms) == (200, [])
        assert not await is_signed_in(app_client, issued["refresh_token"])


@pytest.mark.parametrize("language", ["zh", "en", "kk-Arab", "ug"])
async def test_the_pages_are_in_the_language_of_the_app(app_client: AppClient, phone: str, language: str) -> None:
    hint, said = (await app_client.tokens(phone))["id_token"], languages()[language]
    page = Page(await app_client.api.get(END, params={"id_token_hint": hint, "ui_locales": language}))
    last = Page(await confirm(page, app_client.api))
    refused = Page(await app_client.api.get(END, params={"ui_locales": language}))
    for each, heading in ((page, "sign_out_question"), (last, "signed_out"), (refused, "sign_out_refused")):
        assert (each.root["lang"], each.root["dir"]) == (language, said["direction"])
        assert f"<h1>{said[heading]}</h1>" in each.answer.text


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.test/",
        "//evil.test",
        "myili://signed-out/",
        "myili://signed-out?next=https://evil.test",
        "myili://signed-out#x",
        "myili://callback",
        "MYILI://signed-out",
        "javascript:alert(1)",
        "http://127.0.0.1:99999/signed-out",
        "http://127.0.0.1:53124@evil.test/signed-out",
        "http://127.0.0.1:53124/signed-out/..",
        "http://127.0.0.1.evil.test/signed-out",
        "http://例子.test/signed-out",
    ],
)
async def test_any_other_address_gets_no_redirect(app_client: AppClient, phone: str, address: str) -> None:
    issued = await app_client.tokens(phone)
    request = {"id_token_hint": issued["id_token"], "post_logout_redirect_uri": address}
    for answer in (
        await app_client.api.get(END, params=request),
        await app_client.api.post(CONFIRM, data=request),
    ):
        assert (answer.status_code, answer.headers.get("location")) == (400, None)
        assert Page(answer).forms == []
    assert await is_signed_in(app_client, issued["refresh_token"])


async def test_a_loopback_address_may_have_any_port(app_client: AppClient, phone: str) -> None:
    hint, back = (await app_client.tokens(phone))["id_token"], "http://127.0.0.1:53124/signed-out"
    page = Page(await app_client.api.get(END, params={"id_token_hint": hint, "post_logout_redirect_uri": back}))
    assert (await confirm(page, app_client.api)).headers["location"] == back


def hint(tokens: Tokens, changes: dict[str, Any], typ: str = "JWT", key: ECKey | None = None) -> str:
    usual = {"iss": f"{PUBLIC_URL}/identity", "aud": "myili-app", "sub": "x", "sid": str(new_id()), "exp": 1}
    claims = {name: value for name, value in {**usual, **changes}.items() if value is not None}
    return jwt.encode({"alg": "ES256", "typ": typ, "kid": tokens.key.kid}, claims, key or tokens.key)


async def test_what_is_no_id_token_of_the_app_ends_nothing(app_client: AppClient, tokens: Tokens, phone: str) -> None:
    issued = await app_client.tokens(phone)
    sid = jwt.decode(issued["id_token"], tokens.key, ["ES256"]).claims["sid"]
    wrong: list[dict[str, str]] = [
        {"state": "x"},
        {"id_token_hint": ""},
        {"id_token_hint": "é"},
        {"id_token_hint": issued["access_token"]},
        {"id_token_hint": issued["id_token"], "client_id": "other-app"},
        {"id_token_hint": hint(tokens, {"sid": sid}, key=ECKey.generate_key("P-256"))},
        {"id_token_hint": hint(tokens, {"sid": sid}, typ="at+jwt")},
        *({"id_token_hint": hint(tokens, {"sid": sid, name: "x"})} for name in ("iss", "aud")),
        *({"id_token_hint": hint(tokens, {"sid": each})} for each in (None, "x", 7)),
    ]
    for request in wrong:
        for answer in (await app_client.api.get(END, params=request), await app_client.api.post(CONFIRM, data=request)):
            assert (answer.status_code, answer.headers.get("location")) == (400, None), request
    repeated = urlencode([("id_token_hint", issued["id_token"]), ("state", "a"), ("state", "b")])
    assert (await app_client.api.get(f"{END}?{repeated}")).status_code == 400
    assert await is_signed_in(app_client, issued["refresh_token"])
