"""The server of a mini-app acts for itself: with its keys, a bound token, and scopes that no resident has."""

import asyncio
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
from tests.kit.dpop.prover import Prover
from tests.svc_identity.app_client import TOKEN
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.oauth.test_client_errors import ASSERTION_TYPE
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.oauth.test_login_codes import Server, new_server, public_keys


@pytest_asyncio.fixture
async def server(api: httpx.AsyncClient, database: Database) -> Server:
    return await new_server(api, database)


async def token(server: Server, prover: Prover | None = None, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": server.system.assertion(),
        "scope": "orders",
        **changes,
    }
    if prover is None:
        return await server.api.post(TOKEN, data=form)
    return await prover.send(server.api, "POST", TOKEN, data=form)


async def test_the_token_names_the_mini_app_the_key_that_proved_it_and_the_key_it_is_bound_to(
    server: Server, tokens: Tokens
) -> None:
    prover = Prover()
    answer = await token(server, prover)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["token_type"], answer.json()["scope"]) == ("DPoP", "orders")
    claims: dict[str, Any] = jwt.decode(answer.json()["access_token"], tokens.key, ["ES256"]).claims
    assert claims["sub"] == claims["client_id"] == server.client_id
    assert (claims["kind"], claims["scope"]) == ("client", "orders")
    assert claims["client_key"] == server.system.key.thumbprint()
    assert claims["cnf"] == {"jkt": prover.thumbprint}


async def test_a_token_that_is_bound_to_nothing_is_not_given(server: Server) -> None:
    assert refusal(await token(server)) == (400, "invalid_dpop_proof")


async def test_both_scopes_come_when_both_are_asked_for(server: Server) -> None:
    answer = await token(server, Prover(), scope="orders messages orders")
    assert answer.json()["scope"] == "orders messages"


@pytest.mark.parametrize("scope", ["", "openid", "bills", "orders bills", "bills:write", "staff", "everything"])
async def test_what_residents_or_companies_have_is_not_given(server: Server, scope: str) -> None:
    assert refusal(await token(server, Prover(), scope=scope)) == (400, "invalid_scope")


async def test_no_scope_is_no_right_to_all(server: Server) -> None:
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": server.system.assertion()}
    answer = await Prover().send(server.api, "POST", TOKEN, data={"grant_type": "client_credentials", **form})
    assert refusal(answer) == (400, "invalid_scope")


async def test_an_assertion_is_accepted_once(server: Server) -> None:
    assertion = server.system.assertion()
    answers = await asyncio.gather(*(token(server, Prover(), client_assertion=assertion) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [200, 401, 401, 401, 401]


async def test_another_mini_app_cannot_sign_for_it(server: Server, database: Database) -> None:
    other = await new_server(server.api, database)
    forged = ProviderSystem(other.system.key, provider_id=server.client_id).assertion()
    assert refusal(await token(server, Prover(), client_assertion=forged)) == (401, "invalid_client")


async def test_companies_get_no_scope_of_mini_apps(server: Server, database: Database) -> None:
    company = ProviderSystem()
    async with database.transaction() as tx:
        await company.register(tx)
    answer = await token(server, client_assertion=company.assertion())
    assert refusal(answer) == (400, "invalid_scope")


@pytest.mark.parametrize("column", ["suspended", "stopped"])
async def test_a_suspended_mini_app_gets_none(server: Server, database: Database, column: str) -> None:
    async with database.transaction() as tx:
        setattr(await tx.get_one(Client, server.client_id), column, True)
    assert refusal(await token(server, Prover())) == (401, "invalid_client")


async def test_other_apps_with_servers_and_mini_apps_without_get_none(
    api: httpx.AsyncClient, server: Server, database: Database
) -> None:
    elsewhere = ProviderSystem(provider_id=f"elsewhere-{uuid4().hex[:8]}")
    without = f"miniapp-{uuid4()}"
    async with database.transaction() as tx:
        for name, keys in ((elsewhere.provider_id, public_keys(server)), (without, None)):
            await register_client(tx, name, scopes=["openid"], redirect_uris=["https://app.test/back"], jwks=keys)
    same_key = ProviderSystem(server.system.key, provider_id=elsewhere.provider_id)
    assert refusal(await token(server, client_assertion=same_key.assertion())) == (400, "unauthorized_client")
    no_keys = ProviderSystem(provider_id=without)
    assert refusal(await token(server, client_assertion=no_keys.assertion())) == (401, "invalid_client")
    form = {"grant_type": "client_credentials", "client_id": without, "scope": "orders"}
    assert refusal(await api.post(TOKEN, data=form)) == (401, "invalid_client")
