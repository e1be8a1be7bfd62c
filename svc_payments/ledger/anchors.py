"""The head of the ledger's chain in the anchors of the service, and those of the time before anchors were signed.

Each anchor is an object of its own in a store outside the database (kit/audit/anchors.py); when it holds a head of the
ledger that no anchor held before, an event publishes it.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from obstore.store import ObjectStore
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.outbox import emit
from kit.audit.anchoring import AUDIT_CHAIN, Anchoring
from kit.audit.anchors import Anchor as SignedAnchor
from kit.audit.anchors import Chain, names_in, read_anchor, read_object, stored_anchors
from kit.audit.anchors import Head as ChainHead
from kit.audit.proof import Trail
from kit.audit.settings import AnchorKey
from svc_payments.ledger.events import LedgerAnchored
from svc_payments.ledger.models import Account, Anchor, Link
from svc_payments.ledger.sealed import SEALED_TABLES

SERVICE = "payments"
LEDGER = "ledger"
_UNSIGNED = "ledger-anchors"
"""The folder of heads that were anchored before anchors were signed."""


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
    object_name: str = ""
    """Of its anchor."""
    made_at: str | None = None
    """When that anchor was made; None for those that do not say."""


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


async def _chain_head(tx: AsyncSession) -> ChainHead | None:
    head = await head_of(tx)
    if head is None:
        return None
    stated = asdict(head)
    return {"number": head.link_number, **{name: stated[name] for name in _STATED}}


_STATED = ("hash", "sealed_at", "last_position", "totals")
TRAIL = Trail(SERVICE, SEALED_TABLES, {"audit": AUDIT_CHAIN, LEDGER: Chain("ledger_links", _chain_head)})


def anchoring(store_url: str, key: AnchorKey) -> Anchoring:
    """What anchors the heads of this service."""
    return Anchoring(TRAIL, store_url, key, announce)


async def announce(tx: AsyncSession, anchor: SignedAnchor) -> None:
    """List a new head of the ledger and publish it."""
    head = anchor.heads.get(LEDGER)
    if head is None:
        return
    row = {"link_number": head["number"], "object_name": anchor.object_name}
    made_at = datetime.fromisoformat(anchor.made_at)
    listed = insert(Anchor).values(**row, anchored_at=made_at).on_conflict_do_nothing().returning(Anchor.link_number)
    if await tx.scalar(listed):
        await emit(tx, LedgerAnchored(**{**row, "hash": head["hash"], "sealed_at": head["sealed_at"]}))


def heads_of(anchors: Sequence[SignedAnchor]) -> dict[int, Head]:
    """The heads of the ledger in signed anchors, by the number of their link; of repeated ones the first."""
    heads: dict[int, Head] = {}
    for anchor in anchors:
        if LEDGER in anchor.heads:
            head = _head(dict(anchor.heads[LEDGER]), anchor.object_name, anchor.made_at)
            heads.setdefault(head.link_number, head)
    return heads


async def unsigned_heads(store: ObjectStore) -> dict[int, Head]:
    """The heads that were anchored before anchors were signed.

    Raises:
        ValueError, KeyError, TypeError: an object there is not an anchor.
    """
    heads = {}
    for name in await names_in(store, _UNSIGNED):
        stored = json.loads(await read_object(store, name))
        head = _head({**stored, "number": stored["link_number"]}, name, None)
        heads[head.link_number] = head
    return heads


async def anchored_heads(store: ObjectStore) -> AsyncIterator[Head]:
    """Every head in the store.

    Raises:
        ValueError, KeyError, TypeError: an object there is not an anchor.
    """
    signed = [read_anchor(content) async for _, content in stored_anchors(store, SERVICE)]
    for head in {**heads_of(signed), **await unsigned_heads(store)}.values():
        yield head


def _head(stated: dict[str, Any], object_name: str, made_at: str | None) -> Head:
    totals = {kind: Totals(**each) for kind, each in stated["totals"].items()}
    return Head(
        link_number=stated["number"],
        hash=stated["hash"],
        sealed_at=stated["sealed_at"],
        last_position=stated["last_position"],
        totals=totals,
        object_name=object_name,
        made_at=made_at,
    )


async def listing_findings(tx: AsyncSession, heads: Mapping[int, Head]) -> AsyncIterator[str]:
    """Where the database lists other anchors than the store holds."""
    listed = {anchor.link_number: anchor async for anchor in await tx.stream_scalars(select(Anchor))}
    for number, anchor in sorted(listed.items()):
        head = heads.get(number)
        if head is None:
            yield f"The anchor of link {number} is not in the store of anchors: {anchor.object_name}."
        elif anchor.object_name != head.object_name:
            yield f"ledger_anchors {number}: object_name is not {head.object_name}, which anchored it."
        elif head.made_at and anchor.anchored_at.isoformat() != head.made_at:
            yield f"ledger_anchors {number}: anchored_at is not when the anchor was made."
    for number in sorted(heads.keys() - listed.keys()):
        yield f"ledger_anchors {number}: {heads[number].object_name} is in the store and not listed."
