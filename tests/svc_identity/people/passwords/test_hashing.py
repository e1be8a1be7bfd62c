"""Argon2id hashes that memory cannot run out over, and that mean nothing without the key."""

import asyncio
import base64
import re
import secrets
import threading
import time

import pytest
from pydantic import SecretStr

from svc_identity.people.passwords.hashing import AT_ONCE, WAITING, Hashing, PasswordsBusy
from svc_identity.settings import Settings


async def test_a_hash_is_argon2id_with_a_salt_of_its_own(unconnected: Settings) -> None:
    hashing = Hashing(unconnected)
    first, second = await hashing.hash("伊犁河谷"), await hashing.hash("伊犁河谷")
    assert first != second
    assert re.match(r"\$argon2id\$v=19\$m=65536,t=3,p=4\$", first)
    assert await hashing.fits("伊犁河谷", second)
    assert not await hashing.fits("伊犁河", second)
    assert not await hashing.fits("伊犁河谷", "")
    assert not await hashing.fits("伊犁河谷", "$argon2id$nonsense")


async def test_what_looks_alike_is_the_same_password(unconnected: Settings) -> None:
    hashing = Hashing(unconnected)
    assert await hashing.fits("cafe\u0301 au lait", await hashing.hash("caf\u00e9 au lait"))


async def test_a_stolen_hash_is_of_no_use_without_the_key(unconnected: Settings) -> None:
    other = base64.b64encode(secrets.token_bytes(32)).decode()
    elsewhere = Hashing(unconnected.model_copy(update={"index_key": SecretStr(other)}))
    known = await Hashing(unconnected).hash("薰衣草与苹果")
    assert not await elsewhere.fits("薰衣草与苹果", known)


async def test_a_flood_runs_few_at_once_and_beyond_a_queue_is_refused(
    unconnected: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing, lock, running, most = Hashing(unconnected), threading.Lock(), 0, 0
    real = Hashing.hash_or_verify

    def counted(self: Hashing, keyed: bytes, known: str) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            return real(self, keyed, known)
        finally:
            with lock:
                running -= 1

    monkeypatch.setattr(Hashing, "hash_or_verify", counted)
    flood = asyncio.gather(*(hashing.hash("薰衣草") for _ in range(WAITING + 15)), return_exceptions=True)
    began, slowest = time.monotonic(), 0.0
    while not flood.done():  # the loop answers others meanwhile
        before = time.monotonic()
        await asyncio.sleep(0.005)
        slowest = max(slowest, time.monotonic() - before)
    answers = await flood
    assert [type(each) for each in answers].count(PasswordsBusy) == 15
    assert most == AT_ONCE
    assert slowest < (time.monotonic() - began) / 2
    assert await hashing.hash("薰衣草")
