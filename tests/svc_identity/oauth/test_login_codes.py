"""The server of a mini-app learns who has opened it: by a code that is good once, for that mini-app alone."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
import time_machine
from joserfc import jwt
from joserfc.jwk import KeySet

from chassis.db import Database, now
from chassis.testing import Tokens
from svc_identity.oauth.login_codes.grant import LOGIN_CODE
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import prune, register_client
from tests.svc_identity.app_client import REDIRECT_URI, TOKEN, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.oauth.test_client_errors import ASSERTION_TYPE
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.oauth.test_exchange import ACCESS_TOKEN, EXCHANGE

CODES = "/identity/v1/me/login-codes"
INVALID_GRANT = (400, "invalid_grant")


class Server:
    """The server of a mini-app."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self.api, self.system = api, ProviderSystem(provider_id=f"miniapp-{uuid4()}")
        self.client_id = self.system.provider_id

    async def redeem(self, code: str, **changes: str) -> httpx.Response:
        form = {"grant_type": EXCHANGE, "subject_token_type": LOGIN_CODE, "subject_token": code}
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.system.assertion()}
        return await self.api.post(TOKEN, data={**form, **proof, **changes})


def public_keys(server: Server) -> dict[str, Any]:
    return dict(KeySet([server.system.key]).as_dict(private=False))


async def new_server(api: httpx.AsyncClient, database: Database) -> Server:
    server = Server(api)
    async with database.transaction() as tx:
        scopes = ["openid", "profile", "phone", "bills", "offline_access"]
        await register_client(tx, server.client_id, scopes=scopes, jwks=public_keys(server))
        client = await tx.get_one(Client, server.client_id)
        client.subject_type, client.dpop_required = "pairwise", True
    return server


@pytest_asyncio.fixture
async def server(api: httpx.AsyncClient, database: Database) -> Server:
    return await new_server(api, database)


async def ask(client: AppClient, own: dict[str, Any], client_id: str, **body: Any) -> httpx.Response:  # noqa: ANN401
    return await client.api.post(CODES, json={"client_id": client_id, **body}, headers=bearer(own))


async def code_of(client: AppClient, own: dict[str, Any], client_id: str, **body: Any) -> str:  # noqa: ANN401
    answer = await ask(client, own, client_id, **body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


async def test_the_server_learns_a_name_of_its_own_for_the_resident(
    app_client: AppClient, phone: str, server: Server, tokens: Tokens
) -> None:
    own = await app_client.tokens(phone)
    answer = await server.redeem(await code_of(app_client, own, server.client_id, scopes=["openid", "bills"]))
    assert answer.status_code == 200, answer.text
    given = answer.json()
    assert given.keys() == {"token_type", "access_token", "expires_in", "scope", "issued_token_type", "openid"}
    assert (given["scope"], given["issued_token_type"]) == ("openid bills", ACCESS_TOKEN)
    claims = jwt.decode(given["access_token"], tokens.key, ["ES256"]).claims
    mine = jwt.decode(own["access_token"], tokens.key, ["ES256"]).claims
    assert (claims["aud"], claims["client_id"], claims["sub"]) == (server.client_id, server.client_id, given["openid"])
    assert mine["sub"] not in str(claims)
    assert mine["sid"] not in str(claims)


async def test_the_name_stays_and_is_another_one_elsewhere(
    app_client: AppClient, phone: str, server: Server, database: Database
) -> None:
    own, other = await app_client.tokens(phone), await new_server(app_client.api, database)
    names = [
        (await each.redeem(await code_of(app_client, own, each.client_id))).json()["openid"]
        for each in (server, server, other)
    ]
    assert names[0] == names[1] != names[2]


async def test_a_code_is_good_once_also_for_two_at_once(app_client: AppClient, phone: str, server: Server) -> None:
    code = await code_of(app_client, await app_client.tokens(phone), server.client_id)
    answers = await asyncio.gather(*(server.redeem(code) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [200, 400, 400, 400, 400]
    assert refusal(await server.redeem(code)) == INVALID_GRANT


async def test_another_mini_apps_server_cannot_use_it_nor_use_it_up(
    app_client: AppClient, phone: str, server: Server, database: Database
) -> None:
    code = await code_of(app_client, await app_client.tokens(phone), server.client_id)
    other = await new_server(app_client.api, database)
    assert refusal(await other.redeem(code)) == INVALID_GRANT
    assert (await server.redeem(code)).status_code == 200


async def test_a_code_lives_five_minutes(app_client: AppClient, phone: str, server: Server, database: Database) -> None:
    own = await app_client.tokens(phone)
    late, in_time = now() + timedelta(minutes=5, seconds=1), now() + timedelta(minutes=4, seconds=50)
    code = await code_of(app_client, own, server.client_id)
    with time_machine.travel(late):
        assert refusal(await server.redeem(code)) == INVALID_GRANT
    code = await code_of(app_client, own, server.client_id)
    with time_machine.travel(in_time):
        assert (await server.redeem(code)).status_code == 200
    with time_machine.travel(now() + timedelta(minutes=11)):
        async with database.transaction() as tx:
            await prune(tx)
    assert refusal(await server.redeem(code)) == INVALID_GRANT


async def test_a_new_code_ends_the_one_before(app_client: AppClient, phone: str, server: Server) -> None:
    own = await app_client.tokens(phone)
    first, second = [await code_of(app_client, own, server.client_id) for _ in range(2)]
    assert refusal(await server.redeem(first)) == INVALID_GRANT
    assert (await server.redeem(second)).status_code == 200


async def test_the_phone_is_released_with_a_consent_of_this_moment_and_shown_as_read(
    app_client: AppClient, phone: str, server: Server
) -> None:
    own, scopes = await app_client.tokens(phone), ["openid", "phone"]
    refused = await ask(app_client, own, server.client_id, scopes=scopes)
    assert (refused.status_code, refused.json()["code"]) == (409, "consent_needed")
    agreed = await code_of(app_client, own, server.client_id, scopes=scopes, agreed=["phone"])
    assert (await server.redeem(agreed)).json()["phone_number"] == f"+86{phone}"
    again = await ask(app_client, own, server.client_id, scopes=scopes)  # a consent is not kept
    assert again.json()["code"] == "consent_needed"
    without = (await server.redeem(await code_of(app_client, own, server.client_id))).json()
    assert "phone_number" not in without
    reads = (await app_client.api.get("/identity/v1/me/data-reads", headers=bearer(own))).json()["items"]
    assert [read["data"] for read in reads if read["client_id"] == server.client_id] == [["phone"]]


async def test_what_was_withdrawn_or_signed_out_is_worth_nothing(
    app_client: AppClient, phone: str, server: Server
) -> None:
    own = await app_client.tokens(phone)
    code = await code_of(app_client, own, server.client_id)
    apps = (await app_client.api.get("/identity/v1/me/apps", headers=bearer(own))).json()["items"]
    access = next(each["access_id"] for each in apps if each["client_id"] == server.client_id)
    await app_client.api.post(
        f"/identity/v1/me/apps/{access}/withdraw", headers={**bearer(own), "Idempotency-Key": uuid4().hex}
    )
    assert refusal(await server.redeem(code)) == INVALID_GRANT
    code = await code_of(app_client, own, server.client_id)
    form = {"token": own["refresh_token"], "client_id": "myili-app"}
    assert (await app_client.api.post("/identity/v1/oauth/revoke", data=form)).status_code == 200
    assert refusal(await server.redeem(code)) == INVALID_GRANT


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"scopes": ["openid", "pay"]}, "login_code_refused"),
        ({"scopes": ["openid", "offline_access"]}, "login_code_refused"),
        ({"scopes": ["staff"]}, "login_code_refused"),
        ({"scopes": []}, "invalid_request"),
        ({"client_id": "myili-app"}, "invalid_request"),
        ({"client_id": f"miniapp-{uuid4()}"}, "not_found"),
    ],
    ids=["not granted", "never", "of staff", "none", "another kind of client", "unknown"],
)
async def test_no_code_for_more_than_was_granted(
    app_client: AppClient, phone: str, server: Server, body: dict[str, Any], code: str
) -> None:
    own = await app_client.tokens(phone)
    answer = await ask(app_client, own, **{"client_id": server.client_id, **body})
    assert answer.json()["code"] == code


async def test_no_code_for_a_mini_app_that_is_suspended(
    app_client: AppClient, phone: str, server: Server, database: Database
) -> None:
    own = await app_client.tokens(phone)
    code = await code_of(app_client, own, server.client_id)
    async with database.transaction() as tx:
        (await tx.get_one(Client, server.client_id)).suspended = True
    assert (await ask(app_client, own, server.client_id)).status_code == 404
    assert refusal(await server.redeem(code)) == (401, "invalid_client")


async def test_other_apps_get_no_codes(new_app_client: NewAppClient, server: Server, database: Database) -> None:
    name, scope = f"elsewhere-{uuid4().hex[:8]}", "openid mini_apps offline_access"
    async with database.transaction() as tx:
        await register_client(tx, name, scopes=scope.split(), redirect_uris=[REDIRECT_URI])
    other = new_app_client(name)
    answer = await ask(other, await other.tokens(new_phone(), scope=scope), server.client_id)
    assert (answer.status_code, answer.json()["code"]) == (403, "own_apps_only")


@pytest.mark.parametrize("added", ["scope", "audience", "resource", "actor_token"])
async def test_the_code_is_sent_alone(app_client: AppClient, phone: str, server: Server, added: str) -> None:
    code = await code_of(app_client, await app_client.tokens(phone), server.client_id)
    assert refusal(await server.redeem(code, **{added: "openid"})) == (400, "invalid_request")
    assert (await server.redeem(code)).status_code == 200


async def test_systems_of_companies_have_no_login_codes(app_client: AppClient, phone: str, database: Database) -> None:
    company = Server(app_client.api)
    async with database.transaction() as tx:
        await register_client(tx, company.client_id, scopes=["bills:write"], jwks=public_keys(company))
    own = await app_client.tokens(phone)
    assert (await ask(app_client, own, company.client_id)).status_code == 404
    assert refusal(await company.redeem("anything")) == (400, "unauthorized_client")
