"""People see where they are signed in and end it there, and nobody sees or ends the sign-ins of others."""

import asyncio
import time
from typing import Any

import httpx
import pytest
import time_machine

from svc_identity.oauth.refresh import UNUSED_LIFE
from svc_identity.sign_in.devices import described
from tests.svc_identity.app_client import AppClient, bearer
from tests.svc_identity.conftest import NewAppClient, new_phone

SIGN_INS, ME = "/identity/v1/sign-ins", "/identity/v1/me"
CHROME = "Mozilla/5.0 (Linux; Android 14; ALN-AL00 Build/SECRET) AppleWebKit/537.36 Chrome/126.0.1.2 Safari/537.36"


async def listed(api: httpx.AsyncClient, tokens: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await api.get(SIGN_INS, headers=bearer(tokens))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def signed_in_twice(new_app_client: NewAppClient, phone: str) -> tuple[AppClient, list[dict[str, Any]]]:
    """Two devices of one person; returns the newer one's client and the tokens of both."""
    first, second = new_app_client(), new_app_client()
    first.api.headers["user-agent"] = CHROME
    with time_machine.travel(time.time() - 61, tick=True):
        tokens = [await first.tokens(phone)]
    return second, [*tokens, await second.tokens(phone)]


async def refuses(api: httpx.AsyncClient, tokens: dict[str, Any]) -> bool:
    return (await api.get(ME, headers=bearer(tokens))).status_code == 401


async def test_sign_ins_are_listed_with_device_and_times(new_app_client: NewAppClient, phone: str) -> None:
    client, tokens = await signed_in_twice(new_app_client, phone)
    newer, older = await listed(client.api, tokens[0])
    assert (older["device"], older["client_id"], older["current"]) == ("Android, Chrome", "myili-app", True)
    assert (newer["device"], newer["current"]) == (None, False)
    assert older["signed_in_at"] <= older["last_used_at"] < newer["signed_in_at"]
    assert "ALN-AL00" not in str(older)
    with time_machine.travel(time.time() + UNUSED_LIFE.total_seconds() - 60):
        renewed = await client.renewed()
    with time_machine.travel(time.time() + UNUSED_LIFE.total_seconds() + 120):
        assert [each["current"] for each in await listed(client.api, renewed)] == [True]


async def test_one_sign_in_is_ended_and_the_other_goes_on(new_app_client: NewAppClient, phone: str) -> None:
    client, tokens = await signed_in_twice(new_app_client, phone)
    newer, older = await listed(client.api, tokens[1])
    for _ in range(2):
        ended = await client.api.delete(f"{SIGN_INS}/{older['sign_in_id']}", headers=bearer(tokens[1]))
        assert ended.status_code == 204
    assert [await refuses(client.api, each) for each in tokens] == [True, False]
    assert await listed(client.api, tokens[1]) == [newer]


@pytest.mark.parametrize(("keep_current", "refused"), [("true", [True, False]), ("false", [True, True])])
async def test_all_others_or_all_are_ended(
    new_app_client: NewAppClient, phone: str, keep_current: str, refused: list[bool]
) -> None:
    client, tokens = await signed_in_twice(new_app_client, phone)
    asked = [
        client.api.delete(SIGN_INS, params={"keep_current": keep_current}, headers=bearer(tokens[1])) for _ in range(4)
    ]
    assert {each.status_code for each in await asyncio.gather(*asked)} <= {204, 401}
    assert [await refuses(client.api, each) for each in tokens] == refused
    assert (await client.refresh(tokens[0]["refresh_token"])).status_code == 400


async def test_a_code_on_its_way_gives_nothing_once_all_are_ended(new_app_client: NewAppClient, phone: str) -> None:
    owner, thief = new_app_client(), new_app_client()
    with time_machine.travel(time.time() - 61, tick=True):
        tokens = await owner.tokens(phone)
    code = await thief.sign_in(phone)
    ended = await owner.api.delete(SIGN_INS, params={"keep_current": "true"}, headers=bearer(tokens))
    assert ended.status_code == 204
    assert (await thief.redeem(code)).status_code == 400


async def test_nobody_ends_or_sees_the_sign_ins_of_others(new_app_client: NewAppClient, phone: str) -> None:
    owner, other = new_app_client(), new_app_client()
    own, foreign = await owner.tokens(phone), await other.tokens(new_phone())
    (mine,) = await listed(owner.api, own)
    refused = await other.api.delete(f"{SIGN_INS}/{mine['sign_in_id']}", headers=bearer(foreign))
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert mine["sign_in_id"] not in str(await listed(other.api, foreign))
    assert not await refuses(owner.api, own)


@pytest.mark.parametrize(
    ("agent", "hint", "device"),
    [
        (CHROME, "", "Android, Chrome"),
        (CHROME, '"Android"', "Android, Chrome"),
        ("Mozilla/5.0 (Phone; OpenHarmony 5.0) ArkWeb/4.1 Mobile HuaweiBrowser/5.0", "", "HarmonyOS, Huawei Browser"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Mobile/15E148 MicroMessenger/8.0.49", "", "iOS, WeChat"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64) Chrome/126.0 Safari/537.36 Edg/126.0", '"Windows"', "Windows, Edge"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Version/17.5 Safari/605.1.15", '"<b>"', "macOS, Safari"),
        ("<script>alert(1)</script>", '"x"', None),
        ("", "", None),
    ],
)
def test_a_device_is_named_in_plain_words_and_never_as_it_names_itself(
    agent: str, hint: str, device: str | None
) -> None:
    assert described({"user-agent": agent, "sec-ch-ua-platform": hint}) == device
