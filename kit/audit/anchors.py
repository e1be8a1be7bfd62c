"""Heads of hash chains kept outside the database, where its owner cannot rewrite them.

A chain alone does not show that its tail was cut off, or that it was rewritten as a whole. An anchor names the heads of
all chains of a service at one moment and the SHA-256 of the anchor before it, and is signed. Each is an object of its
own, numbered from 1 on, written once and never replaced.
"""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import obstore
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore, from_url
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.telemetry import log
from kit.audit.models import audit_anchors

FOLDER = "anchors"
_FORMAT = "myili-anchor-1"
_NONE = "0" * 64
Head = Mapping[str, Any]
"""A chain's last link: its number, its hash in hexadecimal, when it was sealed, and what else the chain states."""


class AnchorConflict(Exception):  # noqa: N818 - read where it is raised
    """The store and the database disagree: a chain was rewritten or cut, or two databases share a store."""


@dataclass(frozen=True)
class Chain:
    """A hash chain of the service: its table of links, and how its head is read."""

    links: str
    head: Callable[[AsyncSession], Awaitable[Head | None]]


@dataclass(frozen=True)
class Anchor:
    """The heads of a service's chains at one moment."""

    service: str
    number: int
    previous: str
    """SHA-256 of the object before it; 64 zeros in the first."""
    made_at: str
    heads: Mapping[str, Head]
    signature: str = ""
    """Ed25519 over `signed_bytes`, in base64."""
    format: str = _FORMAT

    @property
    def object_name(self) -> str:
        return f"{folder_of(self.service)}/{self.number:020}.json"

    @property
    def signed_bytes(self) -> bytes:
        fields = asdict(self)
        del fields["signature"]
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    def content(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True).encode()

    def sha256(self) -> str:
        return hashlib.sha256(self.content()).hexdigest()

    def signed(self, key: Ed25519PrivateKey) -> "Anchor":
        return replace(self, signature=base64.b64encode(key.sign(self.signed_bytes)).decode())

    def is_signed_by(self, keys: tuple[Ed25519PublicKey, ...]) -> bool:
        return any(self._verifies(key) for key in keys)

    def _verifies(self, key: Ed25519PublicKey) -> bool:
        try:
            key.verify(base64.b64decode(self.signature), self.signed_bytes)
        except (InvalidSignature, ValueError):
            return False
        return True


Announce = Callable[[AsyncSession, Anchor], Awaitable[None]]


def folder_of(service: str) -> str:
    return f"{FOLDER}/{service}"


@cache
def opened(url: str) -> ObjectStore:
    """The store at a `file:///…` or `s3://…` URL; what S3 needs besides is read from the AWS_* variables."""
    return from_url(url, mkdir=True) if url.startswith("file:") else from_url(url)


async def names_in(store: ObjectStore, folder: str) -> list[str]:
    """The objects of a folder, in the order of their names."""
    return sorted([item["path"] async for batch in obstore.list(store, folder) for item in batch])


async def read_object(store: ObjectStore, name: str) -> bytes:
    return bytes(await (await obstore.get_async(store, name)).bytes_async())


async def stored_anchors(store: ObjectStore, service: str) -> AsyncIterator[tuple[str, bytes]]:
    """Every object that stands where this service's anchors do, in their order: its name and its content."""
    for name in await names_in(store, folder_of(service)):
        yield name, await read_object(store, name)


def read_anchor(content: bytes) -> Anchor:
    """An anchor as it was written, byte for byte.

    Raises:
        ValueError: it is none.
    """
    try:
        anchor = Anchor(**json.loads(content))
        faithful = anchor.content() == content and anchor.format == _FORMAT
    except (TypeError, ValueError):
        faithful = False
    if not faithful:
        raise ValueError("not an anchor")
    return anchor


async def make_anchor(
    database: Database,
    store: ObjectStore,
    key: Ed25519PrivateKey,
    service: str,
    chains: Mapping[str, Chain],
    announce: Announce | None = None,
) -> Anchor | None:
    """Anchor the present heads of all chains. Returns the anchor; None while no chain has a link.

    Args:
        database: as the service's role, which owns nothing.
        store: outside the database.
        key: signs the anchor.
        service: whose chains.
        chains: by name.
        announce: runs in the transaction that lists the anchor.

    Raises:
        AnchorConflict: the anchor before names a head that the database does not have.
    """
    before = await _last(store, service)
    async with database.read() as tx:
        if before:
            await _compare(tx, before, chains)
        heads = {name: head for name, chain in chains.items() if (head := await chain.head(tx))}
    if not heads:
        return None
    number, previous = (before.number + 1, before.sha256()) if before else (1, _NONE)
    made_at = now().isoformat()
    anchor = Anchor(service=service, number=number, previous=previous, made_at=made_at, heads=heads).signed(key)
    await _store(store, anchor)
    async with database.transaction() as tx:
        # The process before may have ended between its store and its database.
        for each in (before, anchor) if before else (anchor,):
            await _list(tx, each)
            if announce:
                await announce(tx, each)
    return anchor


async def head_of_links(tx: AsyncSession, links: str) -> Head | None:
    """The last link in a table of links."""
    last = text(f"SELECT number, hash, sealed_at FROM {links} ORDER BY number DESC LIMIT 1")  # noqa: S608 - our name
    link = (await tx.execute(last)).one_or_none()
    if link is None:
        return None
    return {"number": link.number, "hash": link.hash.hex(), "sealed_at": link.sealed_at.isoformat()}


async def last_anchored(tx: AsyncSession) -> Any:  # noqa: ANN401 - a time, or None
    """When the last anchor was listed."""
    return await tx.scalar(select(audit_anchors.c.anchored_at).order_by(audit_anchors.c.number.desc()).limit(1))


async def _last(store: ObjectStore, service: str) -> Anchor | None:
    names = await names_in(store, folder_of(service))
    if not names:
        return None
    try:
        return read_anchor(await read_object(store, names[-1]))
    except ValueError:
        raise AnchorConflict(f"{names[-1]} is not an anchor") from None


async def _compare(tx: AsyncSession, before: Anchor, chains: Mapping[str, Chain]) -> None:
    for name, head in before.heads.items():
        found = text(f"SELECT hash FROM {chains[name].links} WHERE number = :number")  # noqa: S608 - our name
        link_hash = await tx.scalar(found, {"number": head["number"]})
        if link_hash is None or link_hash.hex() != head["hash"]:
            log.error("anchor_conflict", chain=name, link_number=head["number"])
            raise AnchorConflict(f"{before.object_name} names another link {head['number']} of the chain {name}")


async def _store(store: ObjectStore, anchor: Anchor) -> None:
    """Before the database: an anchor that it lists always exists in the store."""
    try:
        await obstore.put_async(store, anchor.object_name, anchor.content(), mode="create")
    except AlreadyExistsError:
        raise AnchorConflict(f"{anchor.object_name} was written by another process") from None


async def _list(tx: AsyncSession, anchor: Anchor) -> None:
    made_at = datetime.fromisoformat(anchor.made_at)
    row = {
        "number": anchor.number,
        "object_name": anchor.object_name,
        "sha256": anchor.sha256(),
        "anchored_at": made_at,
    }
    await tx.execute(insert(audit_anchors).values(row).on_conflict_do_nothing())
