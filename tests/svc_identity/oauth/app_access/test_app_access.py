"""What people allow to an app is recorded when they sign in there, and ends with the app's tokens."""

import argparse
import time
from typing import Any

import httpx
import pytest
import pytest_asyncio
import time_machine

from chassis.db import Database
from chassis.testing import once
from svc_identity.oauth.apps import register_app
from tests.svc_identity.app_client import LOOPBACK, REDIRECT_URI, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient

APPS = "/identity/v1/me/apps"
THIRD_PARTY = "county-bus"


@pytest_asyncio.fixture
async def bus_app(database: Database, new_app_client: NewAppClient) -> AppClient:
    """An app of somebody else."""
    given = argparse.Namespace(
        client_id=THIRD_PARTY,
        scope=["openid", "profile", "phone", "bills", "offline_access"],
        redirect_uri=[REDIRECT_URI, "http://127.0.0.1/callback", "https://bus.example.org/callback"],
        post_logout_redirect_uri=[],
        backchannel_logout_uri=None,
        dpop="optional",
        devices=False,
        jwks=None,
        pairwise=False,
    )
    await register_app(database, given)
    client = new_app_client()
    client.client_id = THIRD_PARTY
    return client


async def apps(api: httpx.AsyncClient, tokens: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await api.get(APPS, headers=bearer(tokens))).json()["items"]
    return items


async def signed_in(client: AppClient, phone: str, scope: str) -> dict[str, Any]:
    answer = await client.redeem(await client.sign_in(phone, scope=scope))
    tokens: dict[str, Any] = answer.json()
    return tokens


async def test_an_app_of_others_always_shows_what_it_asks_for(bus_app: AppClient, app_client: AppClient) -> None:
    foreign = await bus_app.begin(scope="openid phone", ui_locales="en")
    assert "to see your mobile number" in foreign.answer.text
    own = await app_client.begin(ui_locales="en")
    assert "to see your mobile number" not in own.answer.text


@pytest.mark.parametrize(
    ("redirect_uri", "shown"),
    [("https://bus.example.org/callback", "bus.example.org"), (REDIRECT_URI, THIRD_PARTY), (LOOPBACK, THIRD_PARTY)],
)
async def test_the_page_says_which_app_asks(
    bus_app: AppClient, app_client: AppClient, redirect_uri: str, shown: str
) -> None:
    asks = f'<bdi class="number" dir="ltr">{shown}</bdi>'
    pages = [await bus_app.begin(redirect_uri=redirect_uri), await app_client.begin()]
    assert [asks in page.answer.text for page in pages] == [True, False]
    wrong = await bus_app.type_phone(pages[0], "1")
    assert wrong.status_code == 422
    assert asks in wrong.text


async def test_what_is_granted_is_recorded_and_grows_with_each_sign_in(
    bus_app: AppClient, app_client: AppClient, phone: str
) -> None:
    await signed_in(bus_app, phone, "openid profile")
    with time_machine.travel(time.time() + 61):
        await signed_in(bus_app, phone, "openid")
    with time_machine.travel(time.time() + 122):
        await signed_in(bus_app, phone, "openid profile phone")
    with time_machine.travel(time.time() + 183):
        listed = await apps(app_client.api, await app_client.tokens(phone))
    now, before = [each for each in listed if each["client_id"] == THIRD_PARTY]
    assert (now["client_id"], now["scopes"], now["withdrawn_at"]) == (THIRD_PARTY, ["openid", "profile", "phone"], None)
    assert (before["scopes"], before["withdrawn_at"] is None) == (["openid", "profile"], False)


async def test_a_withdrawal_ends_the_tokens_of_that_app_only(
    bus_app: AppClient, app_client: AppClient, phone: str
) -> None:
    foreign = await signed_in(bus_app, phone, "openid profile phone offline_access")
    with time_machine.travel(time.time() + 61):
        under_way = await bus_app.sign_in(phone, scope="openid profile offline_access")
    with time_machine.travel(time.time() + 122):
        own = await app_client.tokens(phone)
        access = next(each for each in await apps(app_client.api, own) if each["client_id"] == THIRD_PARTY)
        path = f"{APPS}/{access['access_id']}/withdraw"
        answer = await app_client.api.post(path, headers=bearer(own) | once())
        assert (answer.status_code, answer.json()["ended_sign_ins"]) == (200, 1), answer.text
        assert (await bus_app.refresh(foreign["refresh_token"])).json()["error"] == "invalid_grant"
        assert (await bus_app.redeem(under_way)).json()["error"] == "invalid_grant"
        userinfo = await bus_app.api.get("/identity/v1/oauth/userinfo", headers=bearer(foreign))
        assert userinfo.status_code == 401
        assert (await app_client.refresh(own["refresh_token"])).status_code == 200
        again = await app_client.api.post(path, headers=bearer(own) | once())
        assert (again.status_code, again.json()["ended_sign_ins"]) == (200, 0)


async def test_nobody_withdraws_for_another(bus_app: AppClient, app_client: AppClient, phone: str) -> None:
    await signed_in(bus_app, phone, "openid profile")
    with time_machine.travel(time.time() + 61):
        listed = await apps(app_client.api, await app_client.tokens(phone))
    access = next(each for each in listed if each["client_id"] == THIRD_PARTY)
    stranger = await app_client.tokens("13912345678")
    answer = await app_client.api.post(f"{APPS}/{access['access_id']}/withdraw", headers=bearer(stranger) | once())
    assert answer.status_code == 404
