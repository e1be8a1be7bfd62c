"""Refresh tokens rotate at each use, tolerate a lost answer, and end the family when stolen."""

import asyncio
import base64
import time

import httpx
import pytest
import time_machine
from joserfc import jwt

from chassis.testing import Tokens
from tests.svc_identity.app_client import TOKEN, AppClient
from tests.svc_identity.oauth.test_codes import refusal

INVALID = (400, "invalid_grant")
DAY = 86_400


async def test_each_refresh_gives_the_next_token(app_client: AppClient, tokens: Tokens, phone: str) -> None:
    first = await app_client.tokens(phone)
    second = (await app_client.refresh(first["refresh_token"])).json()
    third = (await app_client.refresh(second["refresh_token"])).json()
    assert len({answer["refresh_token"] for answer in (first, second, third)}) == 3
    claims = [jwt.decode(answer["access_token"], tokens.key, ["ES256"]).claims for answer in (first, third)]
    assert claims[0]["sub"] == claims[1]["sub"]
    assert claims[0]["jti"] != claims[1]["jti"]


async def test_a_lost_answer_can_be_requested_again(app_client: AppClient, phone: str) -> None:
    first = await app_client.tokens(phone)
    lost = (await app_client.refresh(first["refresh_token"])).json()
    again = (await app_client.refresh(first["refresh_token"])).json()
    assert again["refresh_token"] == lost["refresh_token"]
    assert (await app_client.refresh(again["refresh_token"])).status_code == 200


async def test_concurrent_refreshes_get_the_same_next_token(app_client: AppClient, phone: str) -> None:
    first = await app_client.tokens(phone)
    answers = await asyncio.gather(*(app_client.refresh(first["refresh_token"]) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1


async def test_an_old_token_after_the_grace_period_ends_the_family(app_client: AppClient, phone: str) -> None:
    first = await app_client.tokens(phone)
    second = (await app_client.refresh(first["refresh_token"])).json()
    with time_machine.travel(time.time() + 31):
        assert refusal(await app_client.refresh(first["refresh_token"])) == INVALID
        assert refusal(await app_client.refresh(second["refresh_token"])) == INVALID


async def test_no_retry_is_tolerated_once_the_next_token_was_used(app_client: AppClient, phone: str) -> None:
    first = await app_client.tokens(phone)
    second = (await app_client.refresh(first["refresh_token"])).json()
    third = (await app_client.refresh(second["refresh_token"])).json()
    assert refusal(await app_client.refresh(first["refresh_token"])) == INVALID
    assert refusal(await app_client.refresh(third["refresh_token"])) == INVALID


async def test_a_forged_token_is_refused_and_ends_no_family(app_client: AppClient, phone: str) -> None:
    token: str = (await app_client.tokens(phone))["refresh_token"]
    prefix, encoded = token[:9], token[9:]
    raw = bytearray(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    raw[19] ^= 3  # the generation: an older or newer one of the same family
    forged = prefix + base64.urlsafe_b64encode(raw).decode().rstrip("=")
    for wrong in (forged, token[:-2], token + "AAAA", prefix, "x", "名", "a" * 3_000):
        assert refusal(await app_client.refresh(wrong)) == INVALID
    assert (await app_client.refresh(token)).status_code == 200


async def test_the_scope_can_shrink_but_not_grow(app_client: AppClient, phone: str) -> None:
    code = await app_client.sign_in(phone, scope="openid phone offline_access")
    token = (await app_client.redeem(code)).json()["refresh_token"]
    wider = await app_client.refresh(token, scope="openid profile")
    assert refusal(wider) == (400, "invalid_scope")
    narrower = await app_client.refresh(token, scope="openid")
    assert narrower.json()["scope"] == "openid"


@pytest.mark.parametrize(("days", "status"), [(29, 200), (31, 400)])
async def test_a_token_unused_for_a_month_expires(app_client: AppClient, phone: str, days: int, status: int) -> None:
    token = (await app_client.tokens(phone))["refresh_token"]
    with time_machine.travel(time.time() + days * DAY):
        assert (await app_client.refresh(token)).status_code == status


async def test_a_family_ends_after_half_a_year(app_client: AppClient, phone: str) -> None:
    token = (await app_client.tokens(phone))["refresh_token"]
    start = time.time()
    for month in range(1, 7):
        with time_machine.travel(start + month * 29 * DAY):
            token = (await app_client.refresh(token)).json()["refresh_token"]
    with time_machine.travel(start + 181 * DAY):
        assert refusal(await app_client.refresh(token)) == INVALID


async def test_revoking_ends_the_family(app_client: AppClient, phone: str) -> None:
    first = await app_client.tokens(phone)
    second = (await app_client.refresh(first["refresh_token"])).json()
    revoked = await revoke(app_client, first["refresh_token"])
    assert (revoked.status_code, revoked.json()) == (200, {})
    assert refusal(await app_client.refresh(second["refresh_token"])) == INVALID


async def test_revoking_an_unknown_token_succeeds(app_client: AppClient) -> None:
    assert (await revoke(app_client, "myili-rt-nothing")).status_code == 200


async def test_an_access_token_cannot_be_revoked(app_client: AppClient, phone: str) -> None:
    access_token = (await app_client.tokens(phone))["access_token"]
    assert refusal(await revoke(app_client, access_token)) == (400, "unsupported_token_type")


async def test_revoking_needs_a_client_and_a_token(app_client: AppClient) -> None:
    endpoint = TOKEN.replace("token", "revoke")
    nobody = await app_client.api.post(endpoint, data={"token": "x"})
    assert refusal(nobody) == (401, "invalid_client")
    nothing = await app_client.api.post(endpoint, data={"client_id": "myili-app"})
    assert refusal(nothing) == (400, "invalid_request")


async def revoke(app_client: AppClient, token: str) -> httpx.Response:
    data = {"client_id": "myili-app", "token": token}
    return await app_client.api.post(TOKEN.replace("token", "revoke"), data=data)
