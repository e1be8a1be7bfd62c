"""Pushed authorization requests (RFC 9126): the browser brings a reference that only its client can use, once."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from chassis.db import Database, new_id, now
from svc_identity.oauth import pushed
from svc_identity.oauth.service import register_client
from svc_identity.sign_in import authorization
from tests.svc_identity.app_client import APP, AUTHORIZE, STAFF_CONSOLE, AppClient, Page, returned_to_app
from tests.svc_identity.conftest import NewAppClient, new_phone

PAR = "/identity/v1/oauth/par"


async def push(app: AppClient, **changes: str | None) -> httpx.Response:
    return await app.api.post(PAR, data=app.request(**changes))


async def reference(app: AppClient, **changes: str | None) -> str:
    answer = await push(app, **changes)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["request_uri"]
    return found


async def open_page(app: AppClient, request_uri: str, **more: str) -> Page:
    brought = {"client_id": app.client_id, "request_uri": request_uri, **more}
    return Page(await app.api.get(AUTHORIZE, params=brought))


async def code_page(app: AppClient, request_uri: str, phone: str) -> Page:
    sent = await app.type_phone(await open_page(app, request_uri), phone)
    assert sent.status_code == 303, sent.text
    return Page(await app.api.get(sent.headers["location"]))


async def test_a_pushed_request_leads_to_tokens(app_client: AppClient) -> None:
    phone, answer = new_phone(), await push(app_client)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_in"] < 600
    page = await code_page(app_client, answer.json()["request_uri"], phone)
    returned = returned_to_app(await app_client.type_code(page, await app_client.texted_code(phone)))
    assert returned["state"] == app_client.state
    assert (await app_client.redeem(returned["code"])).status_code == 200


async def test_the_browser_neither_shows_nor_changes_what_was_pushed(app_client: AppClient) -> None:
    request_uri = await reference(app_client)
    page = await open_page(app_client, request_uri, redirect_uri="https://evil.test/", scope="everything", state="x")
    assert page.answer.status_code == 200
    assert app_client.state not in page.answer.text
    phone = new_phone()
    sent = await app_client.type_phone(page, phone)
    typed = Page(await app_client.api.get(sent.headers["location"]))
    answer = await app_client.type_code(typed, await app_client.texted_code(phone))
    assert answer.headers["location"].startswith("myili://callback?")
    assert returned_to_app(answer)["state"] == app_client.state


async def test_one_reference_leads_to_one_code(app_client: AppClient, new_app_client: NewAppClient) -> None:
    """A stolen reference is useless once it was used, also when both sign-ins finish at the same time."""
    request_uri, second = await reference(app_client), new_app_client()
    phones = [new_phone(), new_phone()]
    apps = [app_client, second]
    pages = [await code_page(app, request_uri, phone) for app, phone in zip(apps, phones, strict=True)]
    codes = [await app.texted_code(phone) for app, phone in zip(apps, phones, strict=True)]
    answers = await asyncio.gather(
        *(app.type_code(page, code) for app, page, code in zip(apps, pages, codes, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [303, 400]
    refused = next(answer for answer in answers if answer.status_code == 400)
    assert "location" not in refused.headers
    assert 'href="myili://callback' in refused.text


async def test_a_second_tap_gets_the_first_ones_answer(app_client: AppClient) -> None:
    phone = new_phone()
    page = await code_page(app_client, await reference(app_client), phone)
    code = await app_client.texted_code(phone)
    first, second = await app_client.type_code(page, code), await app_client.type_code(page, code)
    assert first.headers["location"] == second.headers["location"]


@pytest.mark.parametrize(
    ("client_id", "address"), [(APP, "myili://callback"), (STAFF_CONSOLE, "myili-staff://callback")]
)
async def test_a_reference_ends(
    new_app_client: NewAppClient, monkeypatch: pytest.MonkeyPatch, client_id: str, address: str
) -> None:
    monkeypatch.setattr(pushed, "LIFE", timedelta(seconds=-1))
    app = new_app_client(client_id)
    page = await open_page(app, await reference(app))
    assert page.answer.status_code == 400
    assert page.forms == []
    assert f'href="{address}' in page.answer.text


async def test_a_sign_in_outlives_its_reference(app_client: AppClient, monkeypatch: pytest.MonkeyPatch) -> None:
    phone, request_uri = new_phone(), await reference(app_client)
    page = await code_page(app_client, request_uri, phone)
    monkeypatch.setattr(authorization, "now", lambda: now() + pushed.LIFE)
    assert (await open_page(app_client, request_uri)).answer.status_code == 400
    answer = await app_client.type_code(page, await app_client.texted_code(phone))
    assert returned_to_app(answer)["state"] == app_client.state


@pytest.mark.parametrize("spoil", [lambda uri: uri[:-4] + "AAAA", lambda uri: uri[:60], lambda _: pushed.URN])
async def test_a_changed_reference_is_refused(app_client: AppClient, spoil: Callable[[str], str]) -> None:
    page = await open_page(app_client, spoil(await reference(app_client)))
    assert page.answer.status_code == 400
    assert "location" not in page.answer.headers


async def test_another_clients_reference_is_refused(app_client: AppClient, database: Database) -> None:
    other = f"app-{new_id().hex}"
    async with database.transaction() as tx:
        await register_client(tx, other, scopes=["openid"], redirect_uris=["other://callback"])
    brought = {"client_id": other, "request_uri": await reference(app_client)}
    answer = await app_client.api.get(AUTHORIZE, params=brought)
    assert answer.status_code == 400
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_id": "unknown"}, 401, "invalid_client"),
        ({"client_id": None}, 401, "invalid_client"),
        ({"redirect_uri": "https://evil.test/"}, 400, "invalid_request"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"scope": "openid bills:write"}, 400, "invalid_scope"),
        ({"code_challenge_method": "plain"}, 400, "invalid_request"),
        ({"response_type": "token"}, 400, "unsupported_response_type"),
        ({"prompt": "none"}, 400, "login_required"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, 400, "invalid_request"),
        ({"request": "e30.e30."}, 400, "request_not_supported"),
        ({"state": "s" * 3_000}, 400, "invalid_request"),
        ({"state": "é"}, 201, None),
    ],
)
async def test_what_could_not_be_asked_openly_cannot_be_pushed(
    app_client: AppClient, changes: dict[str, str | None], status: int, error: str | None
) -> None:
    answer = await push(app_client, **changes)
    assert answer.status_code == status, answer.text
    assert answer.json().get("error") == error
    assert "location" not in answer.headers


async def test_the_language_may_change_on_the_page(app_client: AppClient) -> None:
    request_uri = await reference(app_client, ui_locales="ug")
    assert (await open_page(app_client, request_uri)).root["lang"] == "ug"
    assert (await open_page(app_client, request_uri, ui_locales="kk")).root["lang"] == "kk-Arab"
    phone = new_phone()
    assert (await code_page(app_client, request_uri, phone)).root["lang"] == "ug"


async def test_a_repeated_parameter_is_refused(app_client: AppClient) -> None:
    body = "&".join(f"{name}={value}" for name, value in app_client.request(scope="openid").items()) + "&state=again"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await app_client.api.post(PAR, content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_parameter_repeated_beside_the_reference_is_refused(app_client: AppClient) -> None:
    usual = [("client_id", "myili-app"), ("request_uri", await reference(app_client)), ("ui_locales", "en")]
    assert (await app_client.api.get(AUTHORIZE, params=dict(usual))).status_code == 200
    for repeated in usual:
        answer = await app_client.api.get(AUTHORIZE, params=[*usual, repeated])
        assert (answer.status_code, answer.headers.get("location")) == (400, None)
        assert "invalid_request" in answer.text


async def test_discovery_names_the_endpoint(app_client: AppClient) -> None:
    found = (await app_client.api.get("/identity/.well-known/openid-configuration")).json()
    address = found["pushed_authorization_request_endpoint"]
    assert urlsplit(address).path == PAR
    assert not parse_qsl(urlsplit(address).query)
