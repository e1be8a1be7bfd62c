"""clamd's verdict is taken only where it is one; whatever else it does, a file counts as not scanned."""

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.scanning import Scanner, ScannerUnavailableError, scanner_at
from kit.scanning.clamd import Clamd
from tests.clamd import TEST_VIRUS, ClamdServer


async def pieces(*content: bytes) -> AsyncIterator[bytes]:
    for each in content:
        yield each


def at(address: str, seconds: float = 5) -> Scanner:
    found = scanner_at(address)
    assert isinstance(found, Clamd)
    return dataclasses.replace(found, seconds=seconds)


@pytest.mark.parametrize("local", [False, True], ids=["tcp", "unix"])
async def test_a_file_is_sent_whole_and_found_clean_or_not(tmp_path: Path, *, local: bool) -> None:
    async with ClamdServer().running(tmp_path / "clamd" if local else None) as server:
        large = bytes(1_000_000)
        assert await at(server.address).is_clean(pieces(large, b"", b"end"))
        assert not await at(server.address).is_clean(pieces(TEST_VIRUS[:20], TEST_VIRUS[20:]))
    assert server.scanned == [large + b"end", TEST_VIRUS]


@pytest.mark.parametrize(
    "answer",
    [
        b"INSTREAM size limit exceeded. ERROR\0",
        b"stream: OK",
        b"\0",
        b"stream: OKAY\0",
        b"OK\0",
        b"stream: heuristics ERROR\0",
        b"x" * 100_000 + b"\0",
    ],
)
async def test_what_is_no_verdict_is_none(answer: bytes) -> None:
    async with ClamdServer(answer=answer).running() as server:
        with pytest.raises(ScannerUnavailableError):
            await at(server.address).is_clean(pieces(b"x"))


async def test_a_scanner_that_is_away_or_silent_gives_no_verdict() -> None:
    with pytest.raises(ScannerUnavailableError):
        await at("tcp://127.0.0.1:1").is_clean(pieces(b"x"))
    with pytest.raises(ScannerUnavailableError):
        await at("unix:///nowhere").is_clean(pieces(b"x"))
    async with ClamdServer(silent=True).running() as server:
        with pytest.raises(ScannerUnavailableError):
            await at(server.address, seconds=0.3).is_clean(pieces(b"x"))


@pytest.mark.parametrize(
    "address", ["", "on", "tcp://host", "tcp://:3310", "http://h:1", "unix://host/p", "tcp://h:1/p"]
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"off|port"):
        scanner_at(address)


def test_off_is_no_scanner() -> None:
    assert scanner_at("off") is None
