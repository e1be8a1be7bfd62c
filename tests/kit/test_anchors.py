"""Anchors: signed, chained, written once; a change of any of them is found."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from prometheus_client import REGISTRY
from sqlalchemy import Column, MetaData, Table, Text, text

from chassis.db import Database
from kit.audit.anchoring import AUDIT_CHAIN, Anchoring
from kit.audit.anchors import Anchor, AnchorConflict, opened, read_anchor
from kit.audit.models import add_trail
from kit.audit.proof import Trail, anchor_findings, read_anchors
from kit.audit.settings import public_keys
from tests.anchor_keys import anchor_key, anchor_public_keys
from tests.databases import cloned, made_of

TRAIL = Trail("sample", (), {"audit": AUDIT_CHAIN})
_LINK = text(
    "INSERT INTO audit_links (number, previous_hash, hash, batch, sealed_at) "
    "VALUES (:number, sha256('before'), sha256(:content), uuidv7(), now())"
)


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    metadata = MetaData()
    add_trail(metadata)
    Table("notes", metadata, Column("id", Text, primary_key=True))
    async with cloned(await made_of(metadata, postgres_url)) as url:
        database = Database(url)
        yield database
        await database.close()


@pytest_asyncio.fixture
async def folder(database: Database, tmp_path: Path) -> Path:
    """A store with three anchors of three links."""
    anchoring = Anchoring(TRAIL, tmp_path.as_uri(), anchor_key())
    for number in (1, 2, 3):
        async with database.transaction() as tx:
            await tx.execute(_LINK, {"number": number, "content": f"{number}".encode()})
        assert await anchoring.anchor(database)
    return tmp_path / "anchors" / "sample"


async def findings(database: Database, folder: Path) -> list[str]:
    stored = await read_anchors(opened(folder.parents[1].as_uri()), "sample")
    async with database.read() as tx:
        keys = public_keys(anchor_public_keys())
        return [*stored.faults, *[each async for each in anchor_findings(tx, stored.anchors, keys)]]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _edit(folder: Path) -> None:
    file = _files(folder)[1]
    stated = json.loads(file.read_bytes())
    stated["heads"]["audit"]["number"] = 7
    file.write_bytes(Anchor(**stated).content())


def _spoil(folder: Path) -> None:
    _files(folder)[1].write_bytes(b"{}")


def _remove_the_first(folder: Path) -> None:
    _files(folder)[0].unlink()


def _remove_the_last(folder: Path) -> None:
    _files(folder)[-1].unlink()


def _swap(folder: Path) -> None:
    first, second, _ = _files(folder)
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def _sign_with_another_key(folder: Path) -> None:
    file = _files(folder)[-1]
    file.write_bytes(read_anchor(file.read_bytes()).signed(Ed25519PrivateKey.generate()).content())


async def test_anchors_that_nobody_touched_have_no_findings(database: Database, folder: Path) -> None:
    assert await findings(database, folder) == []
    assert [read_anchor(file.read_bytes()).number for file in _files(folder)] == [1, 2, 3]


@pytest.mark.parametrize("change", [_edit, _spoil, _remove_the_first, _remove_the_last, _swap, _sign_with_another_key])
async def test_a_changed_anchor_is_found(database: Database, folder: Path, change: Callable[[Path], None]) -> None:
    change(folder)
    assert await findings(database, folder)


async def test_no_anchor_follows_one_that_names_another_head(database: Database, folder: Path) -> None:
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE audit_links SET hash = sha256('forged') WHERE number = 3"))
    with pytest.raises(AnchorConflict):
        await Anchoring(TRAIL, folder.parents[1].as_uri(), anchor_key()).anchor(database)


async def test_the_time_that_links_wait_for_an_anchor_is_measured(database: Database, folder: Path) -> None:
    anchoring = Anchoring(TRAIL, folder.parents[1].as_uri(), anchor_key())
    await anchoring.anchor_when_due(database)
    assert unanchored() == 0
    async with database.transaction() as tx:
        await tx.execute(_LINK, {"number": 4, "content": b"4"})
    await anchoring.anchor_when_due(database)
    assert 0 < unanchored() < 600
    _files(folder)[-1].write_bytes(b"{}")
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE audit_anchors SET anchored_at = anchored_at - interval '4 hours'"))
    with pytest.raises(AnchorConflict):
        await anchoring.anchor_when_due(database)
    assert unanchored() > 4 * 3_600


def unanchored() -> float:
    return REGISTRY.get_sample_value("myili_audit_unanchored_seconds") or 0
