"""What is taken from a client, or a client that is suspended, counts at its next request."""

from typing import Any

import httpx
import pytest

from chassis.db import Database, new_id
from svc_identity.oauth.models import Client
from svc_identity.oauth.service import register_client
from tests.svc_identity.app_client import REDIRECT_URI, TOKEN, AppClient
from tests.svc_identity.conftest import new_phone
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.oauth.test_pushed_requests import PAR

SCOPE = "openid bills offline_access"
INVALID_CLIENT = (401, "invalid_client")


async def new_app(database: Database) -> str:
    client_id = f"app-{new_id().hex[-12:]}"
    async with database.transaction() as tx:
        await register_client(tx, client_id, scopes=SCOPE.split(), redirect_uris=[REDIRECT_URI])
    return client_id


async def change(database: Database, client_id: str, **changes: object) -> None:
    async with database.transaction() as tx:
        client = await tx.get_one(Client, client_id)
        for name, value in changes.items():
            setattr(client, name, value)


async def signed_in(app: AppClient, client_id: str) -> dict[str, Any]:
    code = await app.sign_in(new_phone(), client_id=client_id, scope=SCOPE)
    app.client_id = client_id
    tokens: dict[str, Any] = (await app.redeem(code)).json()
    return tokens


async def test_a_refresh_drops_scopes_that_were_taken_from_the_client(
    app_client: AppClient, database: Database
) -> None:
    client_id = await new_app(database)
    tokens = await signed_in(app_client, client_id)
    assert tokens["scope"] == SCOPE
    await change(database, client_id, scopes=["openid", "offline_access"])
    renewed = (await app_client.refresh(tokens["refresh_token"])).json()
    assert renewed["scope"] == "openid offline_access"
    asked = await app_client.refresh(renewed["refresh_token"], scope="bills")
    assert refusal(asked) == (400, "invalid_scope")


async def test_a_code_gives_no_scope_that_was_taken_meanwhile(app_client: AppClient, database: Database) -> None:
    client_id = await new_app(database)
    code = await app_client.sign_in(new_phone(), client_id=client_id, scope=SCOPE)
    await change(database, client_id, scopes=["openid"])
    app_client.client_id = client_id
    tokens = (await app_client.redeem(code)).json()
    assert tokens["scope"] == "openid"
    assert "refresh_token" not in tokens


async def test_a_suspended_app_is_refused_wherever_it_comes(app_client: AppClient, database: Database) -> None:
    client_id = await new_app(database)
    tokens = await signed_in(app_client, client_id)
    code = await app_client.sign_in(new_phone(), scope=SCOPE)
    await change(database, client_id, suspended=True)
    assert refusal(await app_client.refresh(tokens["refresh_token"])) == INVALID_CLIENT
    assert refusal(await app_client.redeem(code)) == INVALID_CLIENT
    request = app_client.request(scope=SCOPE)
    assert refusal(await app_client.api.post(PAR, data=request)) == INVALID_CLIENT
    revoked = {"client_id": client_id, "token": tokens["refresh_token"]}
    assert refusal(await app_client.api.post(TOKEN.replace("token", "revoke"), data=revoked)) == INVALID_CLIENT
    opened = await app_client.api.get("/identity/v1/oauth/authorize", params=request)
    assert "error=unauthorized_client" in opened.headers["location"]
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await app_client.api.get("/identity/v1/oauth/userinfo", headers=headers)).status_code == 401
    await change(database, client_id, suspended=False)
    assert (await app_client.refresh(tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize("stale", ["Bearer", "Bearer x", "bearer eyJhbGciOiJFUzI1NiJ9.e30.x", "DPoP x"])
async def test_a_stale_token_in_the_header_does_not_stop_a_refresh(
    app_client: AppClient, phone: str, stale: str
) -> None:
    token = (await app_client.tokens(phone))["refresh_token"]
    form = {"grant_type": "refresh_token", "client_id": app_client.client_id, "refresh_token": token}
    answer: httpx.Response = await app_client.api.post(TOKEN, data=form, headers={"Authorization": stale})
    assert answer.status_code == 200
