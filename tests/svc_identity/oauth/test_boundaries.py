"""What one client, one place of a request or one kind of token is good for is good for nothing else."""

import math
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt

from chassis.db import Database, new_id
from chassis.testing import Tokens
from tests.svc_identity.app_client import APP, AUTHORIZE, LOOPBACK, STAFF_CONSOLE, TOKEN, AppClient, bearer
from tests.svc_identity.conftest import NewAppClient
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.oauth.test_client_credentials import registered
from tests.svc_identity.oauth.test_codes import refusal
from tests.svc_identity.oauth.test_refresh import revoke

ME, USERINFO = "/identity/v1/me", "/identity/v1/oauth/userinfo"
INVALID = (400, "invalid_grant")
ELSEWHERE = "https://evil.test"


async def test_a_refresh_token_is_good_for_its_own_client_only(app_client: AppClient, phone: str) -> None:
    token = (await app_client.tokens(phone))["refresh_token"]
    assert refusal(await app_client.refresh(token, client_id=STAFF_CONSOLE)) == INVALID
    assert (await app_client.refresh(token)).status_code == 200


async def test_a_code_is_good_for_its_own_client_only(app_client: AppClient, phone: str) -> None:
    code = await app_client.sign_in(phone, redirect_uri=LOOPBACK)
    assert refusal(await app_client.redeem(code, client_id=STAFF_CONSOLE, redirect_uri=LOOPBACK)) == INVALID
    assert (await app_client.redeem(code, redirect_uri=LOOPBACK)).status_code == 200


async def test_each_sign_in_has_tokens_of_its_own(new_app_client: NewAppClient, tokens: Tokens, phone: str) -> None:
    app = new_app_client()
    first = await app.tokens(phone)
    second = await app.redeem(await app.sign_in(phone))
    assert second.status_code == 200
    issued: list[dict[str, Any]] = [first, second.json()]
    sign_ins = [jwt.decode(each["access_token"], tokens.key, ["ES256"]).claims["sid"] for each in issued]
    assert len({*sign_ins, *(each["refresh_token"] for each in issued)}) == 4
    assert (await revoke(app, issued[0]["refresh_token"])).status_code == 200
    assert refusal(await app.refresh(issued[0]["refresh_token"])) == INVALID
    assert (await app.refresh(issued[1]["refresh_token"])).status_code == 200


async def test_a_token_in_the_address_or_in_a_form_opens_nothing(app_client: AppClient, phone: str) -> None:
    given = {"access_token": (await app_client.tokens(phone))["access_token"]}
    api = app_client.api
    assert (await api.get(USERINFO, headers=bearer(given))).status_code == 200
    refused = await api.get(ME, params=given)
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_parameter")
    for answer in (
        await api.get(USERINFO, params=given),
        await api.post(USERINFO, data=given),
        await api.get(USERINFO, headers={"Cookie": f"access_token={given['access_token']}"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


async def test_a_logout_token_is_no_access_token(app: FastAPI, app_client: AppClient) -> None:
    token = app.state.issuer.logout_token(APP, str(new_id()), new_id())
    answer = await app_client.api.get(ME, headers=bearer({"access_token": token}))
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


async def test_codes_and_refresh_tokens_are_too_long_to_guess(app_client: AppClient, phone: str) -> None:
    code = await app_client.sign_in(phone)
    assert len(code) * math.log2(len(set("0123456789"))) > 128  # even if each place were a digit
    token: str = (await app_client.redeem(code)).json()["refresh_token"]
    wrong = [f"{token[:place]}{'A' if token[place] != 'A' else 'B'}{token[place + 1 :]}" for place in range(10, 76, 11)]
    assert [refusal(await app_client.refresh(each)) for each in wrong] == [INVALID] * len(wrong)
    assert (await app_client.refresh(token)).status_code == 200


async def test_a_nonce_of_64_characters_comes_back(app_client: AppClient, tokens: Tokens, phone: str) -> None:
    app_client.nonce = "n" * 64
    issued = await app_client.tokens(phone)
    assert jwt.decode(issued["id_token"], tokens.key, ["ES256"]).claims["nonce"] == app_client.nonce


async def test_a_system_without_its_proof_is_nobody(
    api: httpx.AsyncClient, app_client: AppClient, database: Database
) -> None:
    provider = await registered(database, ProviderSystem())
    wanted = app_client.request(client_id=provider.provider_id) | {"token": "x", "refresh_token": "x", "code": "x"}
    for grant in ("client_credentials", "refresh_token", "authorization_code"):
        answer = await api.post(TOKEN, data=wanted | {"grant_type": grant})
        assert refusal(answer) == (401, "invalid_client"), grant
    for endpoint in ("par", "revoke", "introspect"):
        answer = await api.post(TOKEN.replace("token", endpoint), data=wanted)
        assert refusal(answer) == (401, "invalid_client"), endpoint


@pytest.mark.parametrize("path", [AUTHORIZE, f"{AUTHORIZE}/sign-ins", TOKEN, USERINFO, ME])
async def test_pages_of_other_sites_read_no_answer(api: httpx.AsyncClient, path: str) -> None:
    asked = {"Origin": ELSEWHERE, "Access-Control-Request-Method": "POST"}
    for answer in (
        await api.options(path, headers=asked),
        await api.get(path, headers={"Origin": ELSEWHERE}),
        await api.post(path, headers={"Origin": ELSEWHERE}),
    ):
        assert [name for name in answer.headers if name.startswith("access-control-")] == []
        assert answer.status_code >= 300
