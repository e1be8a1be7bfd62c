"""Heads of the hash chain kept outside the database, where its owner cannot rewrite them.

A chain alone does not show that its tail was cut off, or that it was rewritten as a whole. Each anchor is an object of
its own, named by the number of the link, written once and never replaced; an event is published as well.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import ObjectStore, from_url
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database, now
from chassis.outbox import emit
from chassis.telemetry import log
from svc_payments.ledger.events import LedgerAnchored
from svc_payments.ledger.models import Account, Anchor, Link

FOLDER = "ledger-anchors"


class AnchorConflict(Exception):  # noqa: N818 - read where it is raised
    """The store holds another head under this number: the chain was rewritten, or two ledgers share a store."""


@dataclass(frozen=True)
class Totals:
    """All that was ever debited and credited on the accounts of one kind."""

    debit_fen: int
    credit_fen: int


@dataclass(frozen=True)
class Head:
    """The last link of a chain, with the totals of the accounts."""

    link_number: int
    hash: str
    sealed_at: str
    last_position: int
    totals: Mapping[str, Totals]

    @property
    def object_name(self) -> str:
        return f"{FOLDER}/{self.link_number:020}.json"

    def content(self) -> bytes:
        """The same bytes for the same head, so that an anchor may be written again."""
        return json.dumps(asdict(self), sort_keys=True).encode()


@cache
def opened(url: str) -> ObjectStore:
    """The store at a `file:///…` or `s3://…` URL; what S3 needs besides is read from the AWS_* variables."""
    return from_url(url, mkdir=True) if url.startswith("file:") else from_url(url)


async def head_of(tx: AsyncSession) -> Head | None:
    """The head of the chain in one snapshot; None before the first entry."""
    link = await tx.scalar(select(Link).order_by(Link.number.desc()).limit(1))
    if link is None:
        return None
    totals = select(Account.kind, func.sum(Account.debit_fen), func.sum(Account.credit_fen)).group_by(Account.kind)
    return Head(
        link.number,
        link.hash.hex(),
        link.sealed_at.isoformat(),
        link.last_position,
        {kind: Totals(int(debit), int(credit)) for kind, debit, credit in await tx.execute(totals)},
    )


async def anchor(database: Database, store: ObjectStore) -> Head | None:
    """Write the present head outside the database, unless it is there already. Returns it; None without any link.

    Raises:
        AnchorConflict
    """
    async with database.read() as tx:
        head = await head_of(tx)
    if head is None:
        return None
    # The store first: an anchor that the database lists always exists in the store.
    try:
        await obstore.put_async(store, head.object_name, head.content(), mode="create")
    except AlreadyExistsError:
        if bytes(await (await obstore.get_async(store, head.object_name)).bytes_async()) != head.content():
            log.error("ledger_anchor_conflict", link_number=head.link_number)
            raise AnchorConflict(head.object_name) from None
    async with database.transaction() as tx:
        row = {"link_number": head.link_number, "object_name": head.object_name}
        if await tx.scalar(insert(Anchor).values(row).on_conflict_do_nothing().returning(Anchor.link_number)):
            await emit(tx, LedgerAnchored(**{**row, "hash": head.hash, "sealed_at": head.sealed_at}))
    return head


async def anchor_daily(database: Database, url: str) -> None:
    """Anchor the head unless this was done since midnight in China."""
    midnight = now().astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    async with database.read() as tx:
        done = await tx.scalar(select(Anchor.link_number).where(Anchor.anchored_at >= midnight).limit(1))
    if done is None:
        await anchor(database, opened(url))


async def anchored_heads(store: ObjectStore) -> AsyncIterator[Head]:
    """Every head in the store, in no order.

    Raises:
        ValueError, KeyError, TypeError: an object there is not an anchor.
    """
    async for batch in obstore.list(store, FOLDER):
        for item in batch:
            stored = json.loads(bytes(await (await obstore.get_async(store, item["path"])).bytes_async()))
            totals = {kind: Totals(**each) for kind, each in stored.pop("totals").items()}
            yield Head(**stored, totals=totals)
