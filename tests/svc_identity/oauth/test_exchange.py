"""The residents' app exchanges its token for one that opens a single mini-app (RFC 8693), under a name of its own."""

import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
import time_machine
from joserfc import jwt

from chassis.db import Database
from chassis.testing import Tokens
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import register_client
from tests.kit.dpop.prover import Prover
from tests.svc_identity.app_client import REDIRECT_URI, STAFF_CONSOLE, TOKEN, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.oauth.test_client_standing import change
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.oauth.test_possession import bound_tokens

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a kind of token
USERINFO = "/identity/v1/oauth/userinfo"


async def new_mini_app(database: Database, *scopes: str) -> str:
    client_id = f"miniapp-{uuid4()}"
    async with database.transaction() as tx:
        await register_client(tx, client_id, scopes=scopes, redirect_uris=[REDIRECT_URI])
        (await tx.get_one(Client, client_id)).subject_type = "pairwise"
    return client_id


@pytest_asyncio.fixture
async def mini_app(database: Database) -> str:
    return await new_mini_app(database, "openid", "bills", "offline_access")


def form(token: str, audience: str, **changes: str | None) -> dict[str, str]:
    usual = {
        "grant_type": EXCHANGE,
        "client_id": "myili-app",
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN,
        "audience": audience,
        "scope": "openid bills",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


async def exchange(api: httpx.AsyncClient, token: str, audience: str, **changes: str | None) -> httpx.Response:
    return await api.post(TOKEN, data=form(token, audience, **changes))


async def exchanged(api: httpx.AsyncClient, token: str, audience: str) -> dict[str, Any]:
    answer = await exchange(api, token, audience)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_token_for_one_mini_app(app_client: AppClient, phone: str, mini_app: str, tokens: Tokens) -> None:
    own = await app_client.tokens(phone)
    answer = await exchanged(app_client.api, own["access_token"], mini_app)
    assert answer.keys() == {"token_type", "access_token", "expires_in", "scope", "issued_token_type"}
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 600, "openid bills")
    assert answer["issued_token_type"] == ACCESS_TOKEN
    token = jwt.decode(answer["access_token"], tokens.key, ["ES256"])
    assert (token.header["typ"], token.claims["aud"], token.claims["client_id"]) == ("at+jwt", mini_app, mini_app)
    mine = jwt.decode(own["access_token"], tokens.key, ["ES256"]).claims
    assert token.claims["sub"] != mine["sub"]
    assert mine["sub"] not in str(token.claims)
    assert mine["sid"] not in str(token.claims)
    apps = (await app_client.api.get("/identity/v1/me/apps", headers=bearer(own))).json()["items"]
    assert {"openid", "bills"} == {scope for app in apps if app["client_id"] == mini_app for scope in app["scopes"]}


async def test_each_mini_app_has_its_own_name_for_a_person(
    app_client: AppClient, phone: str, database: Database, mini_app: str, tokens: Tokens
) -> None:
    own = (await app_client.tokens(phone))["access_token"]
    other = await new_mini_app(database, "openid", "bills")
    claims = [
        jwt.decode((await exchanged(app_client.api, own, each))["access_token"], tokens.key, ["ES256"]).claims
        for each in (mini_app, mini_app, other)
    ]
    names = [each["sub"] for each in claims]
    assert names[0] == names[1] != names[2]
    assert len({each["sid"] for each in claims}) == len(claims), "they cannot be compared by the sign-in either"


async def test_it_opens_neither_a_service_nor_another_mini_app(
    app_client: AppClient, phone: str, database: Database, mini_app: str
) -> None:
    api, own = app_client.api, (await app_client.tokens(phone))["access_token"]
    token = (await exchanged(api, own, mini_app))["access_token"]
    for path in (USERINFO, "/identity/v1/me", "/identity/v1/me/apps"):
        answer = await api.get(path, headers=bearer({"access_token": token}))
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid"), path
    other = await new_mini_app(database, "openid", "bills")
    for client_id in ("myili-app", mini_app):
        refused = await exchange(api, token, other, client_id=client_id)
        assert refused.status_code == 400
    signed_in = await app_client.sign_in(new_phone(), client_id=mini_app, scope="openid bills")
    theirs = (await app_client.redeem(signed_in, client_id=mini_app)).json()["access_token"]
    assert refusal(await exchange(api, theirs, other)) == (400, "invalid_request")
    assert refusal(await exchange(api, theirs, other, client_id=mini_app)) == (400, "unauthorized_client")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "openid pay"}, "invalid_scope"),
        ({"scope": "openid offline_access"}, "invalid_scope"),
        ({"scope": " "}, "invalid_scope"),
        ({"audience": "myili"}, "invalid_target"),
        ({"audience": "myili-app"}, "invalid_target"),
        ({"audience": "myili-staff"}, "invalid_target"),
        ({"audience": None}, "invalid_target"),
        ({"audience": "名"}, "invalid_target"),
        ({"subject_token": "x"}, "invalid_request"),
        ({"subject_token": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"resource": "https://other.test"}, "invalid_request"),
    ],
)
async def test_what_is_not_granted_is_refused(
    app_client: AppClient, phone: str, mini_app: str, changes: dict[str, str | None], error: str
) -> None:
    own = (await app_client.tokens(phone))["access_token"]
    sent = {name: value for name, value in {**form(own, mini_app), **changes}.items() if value is not None}
    assert refusal(await app_client.api.post(TOKEN, data=sent)) == (400, error)


async def test_only_tokens_that_may_open_mini_apps_are_exchanged(
    app_client: AppClient, new_app_client: NewAppClient, phone: str, mini_app: str
) -> None:
    api = app_client.api
    code = await app_client.sign_in(phone, scope="openid bills")
    narrow = (await app_client.redeem(code)).json()["access_token"]
    assert refusal(await exchange(api, narrow, mini_app)) == (400, "invalid_scope")
    console = new_app_client(STAFF_CONSOLE)
    theirs = (await console.tokens(new_phone()))["access_token"]
    assert refusal(await exchange(api, theirs, mini_app)) == (400, "invalid_request")


async def test_a_token_of_an_ended_sign_in_and_a_suspended_mini_app_are_refused(
    app_client: AppClient, phone: str, database: Database, mini_app: str
) -> None:
    api, own = app_client.api, await app_client.tokens(phone)
    await change(database, mini_app, suspended=True)
    assert refusal(await exchange(api, own["access_token"], mini_app)) == (400, "invalid_target")
    await change(database, mini_app, suspended=False)
    revoked = {"client_id": "myili-app", "token": own["refresh_token"]}
    await api.post(TOKEN.replace("token", "revoke"), data=revoked)
    assert refusal(await exchange(api, own["access_token"], mini_app)) == (400, "invalid_request")


async def test_a_bound_token_is_exchanged_with_its_key_only(app_client: AppClient, mini_app: str) -> None:
    api, prover = app_client.api, Prover()
    own = (await bound_tokens(app_client, prover))["access_token"]
    assert refusal(await exchange(api, own, mini_app)) == (400, "invalid_dpop_proof")
    stolen = await Prover().send(api, "POST", TOKEN, data=form(own, mini_app))
    assert refusal(stolen) == (400, "invalid_dpop_proof")
    assert (await prover.send(api, "POST", TOKEN, data=form(own, mini_app))).status_code == 200


async def test_a_client_with_names_of_its_own_meets_them_everywhere(
    app_client: AppClient, phone: str, mini_app: str, tokens: Tokens
) -> None:
    own = (await app_client.tokens(phone))["access_token"]
    name = jwt.decode((await exchanged(app_client.api, own, mini_app))["access_token"], tokens.key, ["ES256"]).claims
    with time_machine.travel(time.time() + 90):  # the next text message
        code = await app_client.sign_in(phone, client_id=mini_app, scope="openid bills")
    answer = (await app_client.redeem(code, client_id=mini_app)).json()
    said = jwt.decode(answer["id_token"], tokens.key, ["ES256"]).claims
    info = (await app_client.api.get(USERINFO, headers=bearer(answer))).json()
    assert said["sub"] == info["sub"] == name["sub"]
    person = (await app_client.api.get(USERINFO, headers=bearer({"access_token": own}))).json()["sub"]
    assert person != info["sub"]
