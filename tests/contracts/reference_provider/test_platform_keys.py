"""How the company keeps the platform's keys: fetched when needed, and no more often than that."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from contracts.reference_provider.platform_keys import KeysUnavailable, PlatformKeys
from contracts.reference_provider.platform_signature import Call, NotFromPlatform, verify
from tests.contracts.reference_provider.processes import PROVIDER_ID, Platform, new_key, signed_by

URL = "https://company.test/platform/postings"
BODY = json.dumps({"amount_fen": 4140, "说明": "水费"}, ensure_ascii=False).encode()


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform().running() as platform:
        yield platform


async def check(keys: PlatformKeys, headers: dict[str, str]) -> None:
    await verify(keys, PROVIDER_ID, Call("POST", URL, headers, BODY))


async def reason(keys: PlatformKeys, headers: dict[str, str]) -> str:
    with pytest.raises(NotFromPlatform) as refused:
        await check(keys, headers)
    return str(refused.value)


async def test_keys_are_fetched_once_for_many_calls(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses)
    calls = [check(keys, platform.signed(URL, BODY, service)) for service in ("services", "payments") * 10]
    await asyncio.gather(*calls)
    assert sorted(platform.fetches) == ["payments", "services"]


async def test_a_new_key_of_the_platform_is_learned_when_it_is_first_used(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses, cooldown=0)
    await check(keys, platform.signed(URL, BODY))
    old = platform.keys["payments"][0]
    platform.keys["payments"].append(new_key())
    await check(keys, platform.signed(URL, BODY))
    await check(keys, signed_by(old, URL, BODY))


async def test_a_key_withdrawn_by_the_platform_is_trusted_no_longer_after_a_fetch(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses, cooldown=0)
    await check(keys, platform.signed(URL, BODY))
    old = platform.keys["payments"][0]
    platform.keys["payments"] = [new_key()]
    await check(keys, platform.signed(URL, BODY))
    assert await reason(keys, signed_by(old, URL, BODY)) == "unknown_key"


async def test_strangers_cannot_make_the_company_fetch_again_and_again(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses, cooldown=60)
    for _ in range(5):
        assert await reason(keys, signed_by(new_key(), URL, BODY)) == "unknown_key"
    assert len(platform.fetches) == 2


async def test_while_keys_cannot_be_fetched_nothing_is_said_about_the_caller(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses, cooldown=0)
    platform.down = {"payments"}
    await check(keys, platform.signed(URL, BODY, "services"))
    with pytest.raises(KeysUnavailable):
        await check(keys, platform.signed(URL, BODY, "payments"))
    platform.down = set()
    await check(keys, platform.signed(URL, BODY, "payments"))


async def test_known_keys_stay_in_use_while_the_platform_is_away(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses, cooldown=0)
    await check(keys, platform.signed(URL, BODY))
    platform.down = {"services", "payments"}
    with pytest.raises(KeysUnavailable):
        await check(keys, signed_by(new_key(), URL, BODY))
    await check(keys, platform.signed(URL, BODY))
