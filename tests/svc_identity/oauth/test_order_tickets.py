"""The residents' app gets a ticket that says who its resident is to one mini-app; no openid leads to another."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt

from chassis.db import Database
from chassis.testing import Tokens
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import register_client
from tests.svc_identity import conftest
from tests.svc_identity.app_client import REDIRECT_URI, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone
from tests.svc_identity.oauth.test_login_codes import Server, code_of, new_server

TICKETS = "/identity/v1/me/order-tickets"


@pytest_asyncio.fixture
async def server(api: httpx.AsyncClient, database: Database) -> Server:
    return await new_server(api, database)


async def ask(client: AppClient, own: dict[str, Any], client_id: str) -> httpx.Response:
    return await client.api.post(TICKETS, json={"client_id": client_id}, headers=bearer(own))


async def test_the_ticket_has_the_openid_that_the_server_got(
    app_client: AppClient, phone: str, server: Server, tokens: Tokens
) -> None:
    await conftest.proofed(app_client, phone)
    own = await app_client.renewed()
    openid = (await server.redeem(await code_of(app_client, own, server.client_id))).json()["openid"]
    answer = await ask(app_client, own, server.client_id)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store"), answer.text
    ticket = jwt.decode(answer.json()["ticket"], tokens.key, ["ES256"])
    assert (ticket.header["typ"], ticket.claims["aud"]) == ("order-ticket+jwt", "myili:orders")
    assert (ticket.claims["openid"], ticket.claims["client_id"]) == (openid, server.client_id)
    assert ticket.claims["exp"] - ticket.claims["iat"] == answer.json()["expires_in"] == 120
    as_token = await app_client.api.get(
        "/identity/v1/me/apps", headers={"Authorization": f"Bearer {answer.json()['ticket']}"}
    )
    assert as_token.status_code == 401


async def test_there_is_none_for_an_app_that_was_not_opened_or_may_not_be(
    app_client: AppClient, phone: str, server: Server
) -> None:
    await conftest.proofed(app_client, phone)
    own = await app_client.renewed()
    assert (await ask(app_client, own, server.client_id)).status_code == 404
    await code_of(app_client, own, server.client_id)
    assert (await ask(app_client, own, server.client_id)).status_code == 201
    for unknown in (f"miniapp-{uuid4()}", "myili-app"):
        assert (await ask(app_client, own, unknown)).status_code in {404, 422}
    apps = (await app_client.api.get("/identity/v1/me/apps", headers=bearer(own))).json()["items"]
    access = next(each["access_id"] for each in apps if each["client_id"] == server.client_id)
    headers = {**bearer(own), "Idempotency-Key": uuid4().hex}
    await app_client.api.post(f"/identity/v1/me/apps/{access}/withdraw", headers=headers)
    assert (await ask(app_client, own, server.client_id)).status_code == 404


@pytest.mark.parametrize("column", ["suspended", "stopped"])
async def test_there_is_none_for_an_app_that_was_taken_down(
    app_client: AppClient, phone: str, server: Server, database: Database, column: str
) -> None:
    await conftest.proofed(app_client, phone)
    own = await app_client.renewed()
    await code_of(app_client, own, server.client_id)
    async with database.transaction() as tx:
        setattr(await tx.get_one(Client, server.client_id), column, True)
    assert (await ask(app_client, own, server.client_id)).status_code == 404


async def test_no_other_app_gets_one(new_app_client: NewAppClient, server: Server, database: Database) -> None:
    name, scope = f"elsewhere-{uuid4().hex[:8]}", "openid pay mini_apps offline_access"
    async with database.transaction() as tx:
        await register_client(tx, name, scopes=scope.split(), redirect_uris=[REDIRECT_URI])
    other = new_app_client(name)
    answer = await ask(other, await other.tokens(new_phone(), scope=scope), server.client_id)
    assert answer.status_code == 403
