"""Token introspection tells a client of its own tokens, a resource server of all, and nobody of anything else."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import time_machine
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_identity.oauth import resource_servers
from svc_identity.oauth.resource_servers import register_resource_server
from svc_identity.oauth.service import Standing, register_client
from svc_identity.settings import Settings
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import PUBLIC_URL
from tests.svc_identity.oauth.providers import Key, ProviderSystem, new_key
from tests.svc_identity.oauth.test_client_credentials import INVALID_CLIENT, registered
from tests.svc_identity.oauth.test_client_errors import ASSERTION_TYPE, INVALID_REQUEST, check_oauth_error
from tests.svc_identity.oauth.test_client_standing import change
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.oauth.test_exchange import exchanged, new_mini_app

REVOKE = "/identity/v1/oauth/revoke"
INTROSPECT = "/identity/v1/oauth/introspect"
INACTIVE = {"active": False}


def public(key: Key) -> dict[str, Any]:
    return dict(KeySet([key]).as_dict(private=False))


@pytest_asyncio.fixture
async def provider(database: Database) -> ProviderSystem:
    return await registered(database, ProviderSystem())


@pytest_asyncio.fixture
async def server(database: Database) -> ProviderSystem:
    """A resource server: a client with keys that reads the tokens it is sent."""
    server = ProviderSystem(provider_id=f"county-{new_id().hex[-12:]}")
    await register_resource_server(database, server.provider_id, public(server.key))
    return server


async def introspect(api: httpx.AsyncClient, client: ProviderSystem, token: str, **more: str) -> dict[str, Any]:
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": client.assertion()}
    answer = await api.post(INTROSPECT, data={"token": token, **proof, **more})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
    said: dict[str, Any] = answer.json()
    return said


async def test_a_client_reads_its_own_token(api: httpx.AsyncClient, provider: ProviderSystem) -> None:
    token = (await provider.token(api, scope="bills:write")).json()["access_token"]
    for hint in ("access_token", "refresh_token", "something"):
        said = await introspect(api, provider, token, token_type_hint=hint)
        assert said.keys() == {
            *("active", "token_type", "iss", "aud", "sub", "client_id", "scope", "exp", "iat", "jti")
        }
        assert (said["active"], said["scope"], said["sub"]) == (True, "bills:write", provider.provider_id)
    with time_machine.travel(time.time() + 601):
        assert await introspect(api, provider, token) == INACTIVE


async def test_it_learns_nothing_of_the_tokens_of_others(
    app_client: AppClient, database: Database, provider: ProviderSystem, phone: str
) -> None:
    other = await registered(database, ProviderSystem())
    issued = await app_client.tokens(phone)
    tokens = [(await other.token(app_client.api)).json()["access_token"], *issued.values()]
    for token in map(str, tokens):
        assert await introspect(app_client.api, provider, token or "x") == INACTIVE


async def test_a_resource_server_reads_what_a_resident_allowed(
    app_client: AppClient, server: ProviderSystem, phone: str
) -> None:
    issued = await app_client.tokens(phone)
    said = await introspect(app_client.api, server, issued["access_token"])
    assert (said["active"], said["client_id"], said["scope"]) == (True, "myili-app", issued["scope"])
    assert (said["iss"], said["aud"]) == (f"{PUBLIC_URL}/identity", "myili")
    assert not {"memberships", "sid", "assurance_level"} & said.keys()
    for token in (issued["refresh_token"], issued["id_token"]):
        assert await introspect(app_client.api, server, token) == INACTIVE


async def test_a_token_of_a_mini_app_is_read_under_its_own_name_and_ends_with_the_sign_in(
    app_client: AppClient, database: Database, server: ProviderSystem, phone: str, tokens: Tokens
) -> None:
    api, own, mini_app = app_client.api, await app_client.tokens(phone), await new_mini_app(database, "openid", "bills")
    token = (await exchanged(api, own["access_token"], mini_app))["access_token"]
    said = await introspect(api, server, token)
    assert (said["active"], said["aud"], said["client_id"], said["scope"]) == (True, mini_app, mini_app, "openid bills")
    assert said["sub"] == jwt.decode(token, tokens.key, ["ES256"]).claims["sub"]
    await change(database, mini_app, suspended=True)
    assert await introspect(api, server, token) == INACTIVE
    await change(database, mini_app, suspended=False)
    await api.post(REVOKE, data={"client_id": "myili-app", "token": own["refresh_token"]})
    assert await introspect(api, server, token) == INACTIVE


@pytest.mark.parametrize("end", ["replay", "revocation"])
async def test_a_token_ends_with_its_sign_in(
    app_client: AppClient, server: ProviderSystem, phone: str, end: str
) -> None:
    code = await app_client.sign_in(phone)
    issued = (await app_client.redeem(code)).json()
    userinfo = "/identity/v1/oauth/userinfo"
    assert (await introspect(app_client.api, server, issued["access_token"]))["active"]
    assert (await app_client.api.get(userinfo, headers=bearer(issued))).status_code == 200
    if end == "replay":
        assert refusal(await app_client.redeem(code, redirect_uri="http://127.0.0.1:9/callback"))[0] == 400
    else:
        data = {"client_id": "myili-app", "token": issued["refresh_token"]}
        assert (await app_client.api.post("/identity/v1/oauth/revoke", data=data)).status_code == 200
    assert await introspect(app_client.api, server, issued["access_token"]) == INACTIVE
    refused = await app_client.api.get(userinfo, headers=bearer(issued))
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")


async def test_a_token_ends_with_its_client_and_its_key(
    api: httpx.AsyncClient, database: Database, provider: ProviderSystem, server: ProviderSystem
) -> None:
    token = (await provider.token(api)).json()["access_token"]
    client_id, old, new = provider.provider_id, public(provider.key), public(new_key("EC"))
    for jwks, suspended, active in ((old, False, True), (old, True, False), (new, False, False)):
        async with database.transaction() as tx:
            await register_client(
                tx, client_id, scopes=["bills:write"], jwks=jwks, standing=Standing(suspended=suspended)
            )
        assert (await introspect(api, server, token))["active"] is active


def forged(tokens: Tokens, changes: dict[str, Any], typ: str = "at+jwt", key: ECKey | None = None) -> str:
    now = int(time.time())
    usual = {
        "iss": f"{PUBLIC_URL}/identity",
        "aud": "myili",
        "sub": "x",
        "client_id": "myili-app",
        "kind": "person",
        "iat": now,
        "exp": now + 60,
        "sid": str(new_id()),
    }
    header = {"alg": "ES256", "typ": typ, "kid": tokens.key.kid}
    return jwt.encode(header, {**usual, **changes}, key or tokens.key, algorithms=["ES256"])


async def test_what_is_no_access_token_of_ours_is_inactive(
    api: httpx.AsyncClient, server: ProviderSystem, tokens: Tokens
) -> None:
    other = ECKey.generate_key("P-256")
    for token in (
        *("x", "a.b.c", "..", "é.é.é", '{"alg":"none"}', "eyJhbGciOiJub25lIn0.e30.", "a" * 4_000),
        forged(tokens, {}),  # of no sign-in
        forged(tokens, {"client_id": "unknown"}),
        *(forged(tokens, {name: value}) for name, value in (("iss", "x"), ("aud", "x"), ("exp", 1))),
        forged(tokens, {}, typ="JWT"),
        forged(tokens, {}, key=other),
    ):
        assert await introspect(api, server, token) == INACTIVE


async def test_without_a_proof_or_a_token_it_is_refused(
    app_client: AppClient, server: ProviderSystem, phone: str
) -> None:
    token = (await app_client.tokens(phone))["access_token"]
    unproved: list[dict[str, str]] = [{}, {"client_id": "myili-app"}, {"client_id": server.provider_id}]
    for who in unproved:
        answer = await app_client.api.post(INTROSPECT, data={"token": token, **who})
        assert refusal(answer) == INVALID_CLIENT
        check_oauth_error(answer)
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": server.assertion()}
    assert refusal(await app_client.api.post(INTROSPECT, data=proof)) == INVALID_REQUEST


async def test_a_resource_server_does_nothing_else(app_client: AppClient, server: ProviderSystem) -> None:
    assert refusal(await server.token(app_client.api, scope="bills:write")) == (400, "invalid_scope")
    assert (await app_client.begin(client_id=server.provider_id)).answer.status_code == 400


async def test_the_command_refuses_what_it_cannot_register(
    database: Database, provider: ProviderSystem, server: ProviderSystem
) -> None:
    keys = public(server.key)
    for client_id, jwks in (
        *((name, keys) for name in ("", "a", "A-server", "7server", "x" * 41, provider.provider_id, "myili-app")),
        ("county-server", {}),
        ("county-server", {"keys": []}),
    ):
        with pytest.raises(ValueError, match=r"."):
            await register_resource_server(database, client_id, jwks)


async def test_the_command_registers_and_changes_keys(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(resource_servers, "load", lambda _kind: settings)
    file, name = tmp_path / "jwks.json", f"county-{new_id().hex[-12:]}"
    for _ in range(2):
        file.write_text(json.dumps(public(new_key("EC"))), "utf-8")
        assert await asyncio.to_thread(resource_servers.main, [name, str(file)]) == 0
        assert f"{name} may introspect tokens with 1 keys." in capsys.readouterr().out
    assert await asyncio.to_thread(resource_servers.main, [name, str(tmp_path / "none.json")]) == 2
