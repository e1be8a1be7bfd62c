"""The residents' app proves to svc_miniapps by what name a mini-app knows the caller."""

from typing import Any
from uuid import uuid4

import httpx
import pytest_asyncio
from joserfc import jwt

from chassis.db import Database
from chassis.testing import Tokens
from kit.openid_tickets import AUDIENCE, TYPE
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import register_client
from tests.svc_identity.app_client import REDIRECT_URI, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.oauth.test_login_codes import Server, code_of, new_server

TICKETS = "/identity/v1/me/openid-tickets"


@pytest_asyncio.fixture
async def server(api: httpx.AsyncClient, database: Database) -> Server:
    return await new_server(api, database)


async def ask(client: AppClient, own: dict[str, Any], client_id: str) -> httpx.Response:
    return await client.api.post(TICKETS, json={"client_id": client_id}, headers=bearer(own))


async def test_a_ticket_has_the_name_that_the_server_learns(
    app_client: AppClient, phone: str, server: Server, tokens: Tokens
) -> None:
    own = await app_client.tokens(phone)
    answer = await ask(app_client, own, server.client_id)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    ticket = jwt.decode(answer.json()["ticket"], tokens.key, algorithms=["ES256"])
    learned = (await server.redeem(await code_of(app_client, own, server.client_id))).json()["openid"]
    assert (ticket.header["typ"], ticket.claims["aud"]) == (TYPE, AUDIENCE)
    assert (ticket.claims["openid"], ticket.claims["of_client"]) == (learned, server.client_id)
    assert ticket.claims["sub"] != learned
    assert ticket.claims["exp"] - ticket.claims["iat"] == answer.json()["expires_in"] == 300


async def test_a_ticket_opens_nothing(app_client: AppClient, phone: str, server: Server) -> None:
    own = await app_client.tokens(phone)
    ticket = (await ask(app_client, own, server.client_id)).json()["ticket"]
    answer = await app_client.api.get("/identity/v1/me", headers={"Authorization": f"Bearer {ticket}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


async def test_there_is_none_for_an_app_that_may_not_be_opened(
    app_client: AppClient, phone: str, server: Server, database: Database
) -> None:
    own = await app_client.tokens(phone)
    unknown = await ask(app_client, own, f"miniapp-{'0' * 36}")
    async with database.transaction() as tx:
        (await tx.get_one(Client, server.client_id)).suspended = True
    suspended = await ask(app_client, own, server.client_id)
    assert [(each.status_code, each.json()["code"]) for each in (unknown, suspended)] == [(404, "not_found")] * 2
    assert (await ask(app_client, own, "myili-app")).status_code == 422


async def test_only_the_platforms_own_apps_get_one(
    new_app_client: NewAppClient, server: Server, database: Database
) -> None:
    name, scope = f"elsewhere-{uuid4().hex[:8]}", "openid mini_apps offline_access"
    async with database.transaction() as tx:
        await register_client(tx, name, scopes=scope.split(), redirect_uris=[REDIRECT_URI])
    other = new_app_client(name)
    answer = await ask(other, await other.tokens(new_phone(), scope=scope), server.client_id)
    assert (answer.status_code, answer.json()["code"]) == (403, "own_apps_only")
