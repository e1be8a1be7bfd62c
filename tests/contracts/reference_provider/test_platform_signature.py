"""How the company keeps the platform's keys: fetched when needed, and no more often than that."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from contracts.reference_provider.platform_signature import KeysUnavailable, NotFromPlatform, PlatformKeys, verify
from tests.contracts.reference_provider.processes import Platform, new_key, signed_by

BODY = json.dumps({"amount_fen": 4140, "说明": "水费"}, ensure_ascii=False).encode()


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform().running() as platform:
        yield platform


async def reason(keys: PlatformKeys, headers: dict[str, str]) -> str:
    with pytest.raises(NotFromPlatform) as refused:
        await verify(keys, headers, BODY)
    return str(refused.value)


async def test_keys_are_fetched_once_for_many_calls(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses)
    calls = [verify(keys, platform.signed(BODY, service), BODY) for service in ("services", "payments") * 10]
    await asyncio.gather(*calls)
    assert sorted(platform.fetches) == ["payments", "services"]


async def test_a_new_key_of_the_platform_is_learned_when_it_is_first_used(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses, cooldown=0)
    await verify(keys, platform.signed(BODY), BODY)
    old = platform.keys["payments"][0]
    platform.keys["payments"].append(new_key())
    await verify(keys, platform.signed(BODY), BODY)
    await verify(keys, signed_by(old, BODY), BODY)


async def test_a_key_withdrawn_by_the_platform_is_trusted_no_longer_after_a_fetch(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses, cooldown=0)
    await verify(keys, platform.signed(BODY), BODY)
    old = platform.keys["payments"][0]
    platform.keys["payments"] = [new_key()]
    await verify(keys, platform.signed(BODY), BODY)
    assert await reason(keys, signed_by(old, BODY)) == "unknown_key"


async def test_strangers_cannot_make_the_company_fetch_again_and_again(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses, cooldown=60)
    for _ in range(5):
        assert await reason(keys, signed_by(new_key(), BODY)) == "unknown_key"
    assert len(platform.fetches) == 2


async def test_while_keys_cannot_be_fetched_nothing_is_said_about_the_caller(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses, cooldown=0)
    platform.down = {"payments"}
    await verify(keys, platform.signed(BODY, "services"), BODY)
    with pytest.raises(KeysUnavailable):
        await verify(keys, platform.signed(BODY, "payments"), BODY)
    platform.down = set()
    await verify(keys, platform.signed(BODY, "payments"), BODY)


async def test_known_keys_stay_in_use_while_the_platform_is_away(platform: Platform) -> None:
    keys = PlatformKeys(platform.addresses, cooldown=0)
    await verify(keys, platform.signed(BODY), BODY)
    platform.down = {"services", "payments"}
    with pytest.raises(KeysUnavailable):
        await verify(keys, signed_by(new_key(), BODY), BODY)
    await verify(keys, platform.signed(BODY), BODY)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("MyIli-Timestamp", "", "headers_malformed"),
        ("MyIli-Timestamp", "1e9", "headers_malformed"),
        ("MyIli-Timestamp", "1", "clock_skew"),
        ("MyIli-Nonce", "short", "headers_malformed"),
        ("MyIli-Nonce", "0" * 32, "wrong_signature"),
        ("MyIli-Key-Id", "", "unknown_key"),
        ("MyIli-Signature", "", "wrong_signature"),
        ("MyIli-Signature", "not base64!", "wrong_signature"),
    ],
)
async def test_a_spoilt_header_is_refused(platform: Platform, name: str, value: str, expected: str) -> None:
    keys = PlatformKeys(platform.addresses)
    assert await reason(keys, {**platform.signed(BODY), name: value}) == expected
