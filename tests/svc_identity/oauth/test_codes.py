"""From the authorization code to tokens."""

import base64
import hashlib
import time
from typing import Any

import httpx
import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.testing import Tokens
from tests.svc_identity.app_client import TOKEN, AppClient
from tests.svc_identity.conftest import PUBLIC_URL, NewAppClient


def decoded(token: str, key: ECKey) -> jwt.Token:
    return jwt.decode(token, key, algorithms=["ES256"])


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def test_an_access_token_has_the_subject_and_its_assurance_level(
    app_client: AppClient, tokens: Tokens, phone: str
) -> None:
    answer = await app_client.redeem(await app_client.sign_in(phone))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_in"] == 600
    token = decoded(answer.json()["access_token"], tokens.key)
    assert (token.header["typ"], token.header["kid"]) == ("at+jwt", tokens.key.kid)
    claims = token.claims
    assert claims["exp"] - claims["iat"] == 600
    assert abs(claims["iat"] - time.time()) < 10
    assert claims.keys() == {
        *("iss", "aud", "sub", "client_id", "scope", "iat", "exp", "jti"),
        *("kind", "sid", "auth_time", "acr", "amr", "assurance_level", "memberships"),
    }
    expected = {
        "iss": f"{PUBLIC_URL}/identity",
        "aud": "myili",
        "client_id": "myili-app",
        "scope": "openid profile phone bills pay accounts applications mini_apps offline_access",
        "kind": "person",
        "assurance_level": 1,
        "memberships": [],
    }
    assert claims | expected == claims


async def test_the_id_token_belongs_to_this_request_and_this_access_token(
    app_client: AppClient, tokens: Tokens, phone: str
) -> None:
    answer = await app_client.tokens(phone)
    claims = decoded(answer["id_token"], tokens.key).claims
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).decode().rstrip("=")
    assert claims["nonce"] == app_client.nonce
    assert (claims["iss"], claims["aud"]) == (f"{PUBLIC_URL}/identity", "myili-app")
    assert claims["sub"] == decoded(answer["access_token"], tokens.key).claims["sub"]
    assert abs(claims["auth_time"] - time.time()) < 10
    assert claims["amr"] == ["otp", "sms"]
    assert not {"name", "phone", "phone_number"} & claims.keys()


async def test_an_id_token_is_no_access_token(app_client: AppClient, phone: str) -> None:
    answer = await app_client.tokens(phone)
    refused = await app_client.api.get("/identity/v1/me", headers={"Authorization": f"Bearer {answer['id_token']}"})
    assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")


async def test_without_offline_access_there_is_no_refresh_token(app_client: AppClient, phone: str) -> None:
    code = await app_client.sign_in(phone, scope="openid")
    answer = (await app_client.redeem(code)).json()
    assert "refresh_token" not in answer
    assert answer["scope"] == "openid"


async def test_without_openid_there_is_no_id_token(app_client: AppClient, phone: str) -> None:
    code = await app_client.sign_in(phone, scope="offline_access")
    answer = (await app_client.redeem(code)).json()
    assert "id_token" not in answer
    assert "refresh_token" in answer


async def test_a_code_is_valid_for_a_minute(app_client: AppClient, phone: str) -> None:
    code = await app_client.sign_in(phone)
    with time_machine.travel(time.time() + 61):
        assert refusal(await app_client.redeem(code)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "a" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:53124/callback"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
    ],
)
async def test_a_code_is_used_up_by_a_failed_redemption(
    app_client: AppClient, phone: str, changes: dict[str, str | None], error: str
) -> None:
    code = await app_client.sign_in(phone)
    assert refusal(await app_client.redeem(code, **changes)) == (400, error)
    assert refusal(await app_client.redeem(code)) == (400, "invalid_grant")


async def test_a_loopback_code_is_redeemed_with_the_requested_port(app_client: AppClient, phone: str) -> None:
    redirect_uri = "http://127.0.0.1:53124/callback"
    code = await app_client.sign_in(phone, redirect_uri=redirect_uri)
    assert (await app_client.redeem(code, redirect_uri=redirect_uri)).status_code == 200


async def test_a_stolen_code_is_useless_to_another_app_instance(new_app_client: NewAppClient, phone: str) -> None:
    code = await new_app_client().sign_in(phone)
    thief = new_app_client()
    assert refusal(await thief.redeem(code)) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("data", "status", "error"),
    [
        ({}, 400, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "a", "password": "b"}, 400, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 401, "invalid_client"),
        ({"grant_type": "authorization_code", "client_id": "nobody", "code": "x"}, 401, "invalid_client"),
        ({"grant_type": "authorization_code", "client_id": "myili-app"}, 400, "invalid_request"),
        ({"grant_type": "authorization_code", "client_id": "myili-app", "code": "x"}, 400, "invalid_grant"),
        ({"grant_type": "refresh_token", "client_id": "myili-app"}, 400, "invalid_request"),
        ({"grant_type": "client_credentials", "client_id": "myili-app"}, 401, "invalid_client"),
    ],
)
async def test_the_token_endpoint_names_the_fault(
    api: httpx.AsyncClient, data: dict[str, str], status: int, error: str
) -> None:
    answer = await api.post(TOKEN, data=data, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert refusal(answer) == (status, error)
    assert ("www-authenticate" in answer.headers) == (status == 401)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b'{"grant_type": "refresh_token"}', "application/json", 415),
        (b"grant_type=refresh_token", "text/plain", 415),
        (b"grant_type=\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"grant_type=%00", "application/x-www-form-urlencoded", 400),
        (b"grant_type=refresh_token&grant_type=password", "application/x-www-form-urlencoded", 400),
        (b"a=" + b"a" * 70_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_odd_bodies_are_refused(api: httpx.AsyncClient, content: bytes, media_type: str, status: int) -> None:
    answer = await api.post(TOKEN, content=content, headers={"Content-Type": media_type})
    assert answer.status_code == status


async def test_userinfo_returns_what_the_scope_allows(new_app_client: NewAppClient, phone: str) -> None:
    app = new_app_client()
    code = await app.sign_in(phone, scope="openid phone")
    headers = {"Authorization": f"Bearer {(await app.redeem(code)).json()['access_token']}"}
    for ask in (app.api.get, app.api.post):
        answer = await ask("/identity/v1/oauth/userinfo", headers=headers)
        info: dict[str, Any] = answer.json()
        assert info.pop("sub")
        assert info == {"phone_number": f"+86{phone}", "phone_number_verified": True}
        assert answer.headers["cache-control"] == "no-store"


async def test_userinfo_needs_the_openid_scope(app_client: AppClient, phone: str) -> None:
    code = await app_client.sign_in(phone, scope="phone")
    headers = {"Authorization": f"Bearer {(await app_client.redeem(code)).json()['access_token']}"}
    answer = await app_client.api.get("/identity/v1/oauth/userinfo", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    # RFC 6750, 3.1, which OpenID Connect Core, 5.3.3, applies to this endpoint.
    assert answer.headers["www-authenticate"] == 'Bearer realm="myili", error="insufficient_scope", scope="openid"'
