"""A token request whose answer was lost may be sent again; anything else is a replay of its code."""

import asyncio
import time

import httpx
import pytest
import time_machine
from joserfc import jwt

from chassis.db import Database
from chassis.testing import Tokens
from svc_identity.oauth.service import prune, register_client
from svc_identity.settings import Settings
from tests.security_log import SecurityLog
from tests.svc_identity.app_client import REDIRECT_URI, AppClient
from tests.svc_identity.conftest import browser_on, running
from tests.svc_identity.oauth.test_codes import refusal

INVALID = (400, "invalid_grant")


async def still_signed_in(app_client: AppClient, answer: httpx.Response) -> bool:
    return (await app_client.refresh(answer.json()["refresh_token"])).status_code == 200


async def test_a_lost_answer_can_be_requested_again_and_keeps_the_sign_in(
    app_client: AppClient, tokens: Tokens, phone: str
) -> None:
    code = await app_client.sign_in(phone)
    lost, again = await app_client.redeem(code), await app_client.redeem(code)
    assert (lost.status_code, again.status_code) == (200, 200)
    assert again.json()["refresh_token"] == lost.json()["refresh_token"]
    ids = [jwt.decode(answer.json()["id_token"], tokens.key, ["ES256"]).claims for answer in (lost, again)]
    assert [ids[1][name] for name in ("sub", "nonce", "auth_time")] == [
        ids[0][name] for name in ("sub", "nonce", "auth_time")
    ]
    assert await still_signed_in(app_client, again)


async def test_concurrent_repeats_get_one_sign_in(app_client: AppClient, phone: str) -> None:
    code = await app_client.sign_in(phone)
    answers = await asyncio.gather(*(app_client.redeem(code) for _ in range(16)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    assert await still_signed_in(app_client, answers[0])


async def test_a_sign_in_without_refresh_tokens_is_repeated_too(app_client: AppClient, phone: str) -> None:
    code = await app_client.sign_in(phone, scope="openid")
    answers = [await app_client.redeem(code) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert not any("refresh_token" in answer.json() for answer in answers)
    with time_machine.travel(time.time() + 61):
        assert refusal(await app_client.redeem(code)) == INVALID


@pytest.mark.parametrize("pruned", [False, True])
async def test_a_repeat_after_a_minute_is_a_replay_that_ends_the_sign_in(
    app_client: AppClient, database: Database, phone: str, *, pruned: bool
) -> None:
    code = await app_client.sign_in(phone)
    first = await app_client.redeem(code)
    with time_machine.travel(time.time() + 61):
        if pruned:
            async with database.transaction() as tx:
                await prune(tx)
        assert refusal(await app_client.redeem(code)) == INVALID
        assert not await still_signed_in(app_client, first)


async def test_the_minute_is_counted_from_the_first_answer_and_never_anew(app_client: AppClient, phone: str) -> None:
    code, start = await app_client.sign_in(phone), time.time()
    statuses = []
    for seconds in (50, 90, 108, 115):
        with time_machine.travel(start + seconds):
            statuses.append((await app_client.redeem(code)).status_code)
    assert statuses == [200, 200, 200, 400]


async def test_the_minute_is_a_setting(settings: Settings, sms: httpx.AsyncClient, phone: str) -> None:
    async with running(settings, code_repeat_seconds=0) as app, browser_on(app) as api:
        client = AppClient(api, sms)
        code = await client.sign_in(phone)
        first = await client.redeem(code)
        assert refusal(await client.redeem(code)) == INVALID
        assert not await still_signed_in(client, first)


async def test_no_repeat_is_answered_once_the_refresh_token_was_used(app_client: AppClient, phone: str) -> None:
    code = await app_client.sign_in(phone)
    first = await app_client.redeem(code)
    second = await app_client.refresh(first.json()["refresh_token"])
    assert refusal(await app_client.redeem(code)) == INVALID
    assert not await still_signed_in(app_client, second)


async def test_a_revoked_sign_in_is_not_given_again(app_client: AppClient, phone: str) -> None:
    code = await app_client.sign_in(phone)
    token = (await app_client.redeem(code)).json()["refresh_token"]
    data = {"client_id": "myili-app", "token": token}
    assert (await app_client.api.post("/identity/v1/oauth/revoke", data=data)).status_code == 200
    assert refusal(await app_client.redeem(code)) == INVALID


@pytest.mark.parametrize("redirect_uri", ["http://127.0.0.1:53124/callback", "", None])
async def test_another_request_with_the_code_and_its_verifier_ends_the_sign_in(
    app_client: AppClient, phone: str, redirect_uri: str | None
) -> None:
    code = await app_client.sign_in(phone)
    first = await app_client.redeem(code)
    assert refusal(await app_client.redeem(code, redirect_uri=redirect_uri)) == INVALID
    assert not await still_signed_in(app_client, first)
    assert refusal(await app_client.redeem(code)) == INVALID


async def test_another_client_with_the_code_and_its_verifier_ends_the_sign_in(
    app_client: AppClient, database: Database, phone: str
) -> None:
    code = await app_client.sign_in(phone)
    first = await app_client.redeem(code)
    async with database.transaction() as tx:
        await register_client(tx, "other-app", scopes=["openid"], redirect_uris=[REDIRECT_URI])
    assert refusal(await app_client.redeem(code, client_id="other-app")) == INVALID
    assert not await still_signed_in(app_client, first)


@pytest.mark.parametrize("seconds", [0, 61])
@pytest.mark.parametrize("verifier", ["a" * 43, "short", "é", "", None])
async def test_a_thief_of_the_code_alone_can_neither_repeat_nor_end_the_sign_in(
    app_client: AppClient, phone: str, verifier: str | None, seconds: int, security_log: SecurityLog
) -> None:
    code = await app_client.sign_in(phone)
    first = await app_client.redeem(code)
    security_log.forget()
    with time_machine.travel(time.time() + seconds):
        assert refusal(await app_client.redeem(code, code_verifier=verifier)) == INVALID
        assert [kind for kind, _ in security_log.kinds()] == ["grant_refused"]
        if not seconds:
            assert (await app_client.redeem(code)).json()["refresh_token"] == first.json()["refresh_token"]
        assert await still_signed_in(app_client, first)


async def test_of_a_thief_with_code_and_verifier_and_the_owner_only_one_stays_until_the_other_refreshes(
    app_client: AppClient, phone: str
) -> None:
    code = await app_client.sign_in(phone)
    owners, thiefs = await app_client.redeem(code), await app_client.redeem(code)
    next_of_thief = await app_client.refresh(thiefs.json()["refresh_token"])
    with time_machine.travel(time.time() + 31):
        assert not await still_signed_in(app_client, owners)
        assert not await still_signed_in(app_client, next_of_thief)
