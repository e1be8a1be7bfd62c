"""The proof of a trail over everything it holds: each finding is a sentence with the table and row concerned."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from obstore.store import ObjectStore
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.audit.anchors import Anchor, Chain, read_anchor, stored_anchors
from kit.audit.chain import GENESIS, LinkHash, Seal
from kit.audit.parts import Part
from kit.audit.sealing import MIGRATION, ROW, SealedTable

_ROWS_AT_ONCE = 2_000
_NAMED = 5
"""Rows that are named of a link with another content."""

_LINKED = """
    SELECT link.number, link.previous_hash, link.hash, link.sealed_at, seal.position, seal.table_name, seal.row_key,
        seal.written_by, seal.content::text AS content
    FROM audit_links AS link LEFT JOIN audit_seals AS seal ON seal.batch = link.batch
    ORDER BY link.number, seal.position
"""
_UNLINKED = """
    SELECT position, table_name, row_key FROM audit_seals AS seal
    WHERE NOT EXISTS (SELECT FROM audit_links WHERE batch = seal.batch) ORDER BY position
"""
# A migration seals what is there of a table before anything else is sealed of it.
_FOREIGN = """
    WITH beginning AS (
        SELECT table_name, batch FROM audit_seals
        WHERE position IN (SELECT min(position) FROM audit_seals GROUP BY table_name)
    )
    SELECT seal.table_name, seal.row_key, seal.written_by FROM audit_seals AS seal
    JOIN audit_links AS link ON link.batch = seal.batch
    WHERE seal.written_by <> :role AND NOT (
        seal.written_by = :migration AND (seal.table_name, seal.batch) IN (SELECT table_name, batch FROM beginning)
    )
    ORDER BY seal.position
"""


@dataclass(frozen=True)
class Trail:
    """What of a service is proven."""

    service: str
    tables: Sequence[SealedTable]
    chains: Mapping[str, Chain]

    @property
    def role(self) -> str:
        """The database role as which the service writes."""
        return f"myili_{self.service}"


@dataclass(frozen=True)
class Stored:
    """What the store of anchors holds of a service."""

    anchors: Sequence[Anchor]
    faults: Sequence[str]


def trail_parts(trail: Trail, anchors: Sequence[Anchor]) -> list[Part]:
    """The proof that everything is as it was sealed.

    Args:
        trail: what is sealed.
        anchors: those of the store.
    """
    heads = {anchor.heads["audit"]["number"]: anchor.heads["audit"] for anchor in anchors if "audit" in anchor.heads}
    return [
        Part("links of the trail", partial(_chain_findings, heads=heads)),
        Part("writers of the trail", partial(_foreign_findings, trail=trail)),
        *(Part("sealed tables", partial(_row_findings, table=table)) for table in trail.tables),
    ]


async def _foreign_findings(tx: AsyncSession, trail: Trail) -> AsyncIterator[str]:
    foreign = text(_FOREIGN).bindparams(role=trail.role, migration=MIGRATION)
    async for row in await tx.stream(foreign):
        yield f"{row.table_name} {row.row_key}: written by the database role {row.written_by}, not by the service."


async def _chain_findings(tx: AsyncSession, heads: Mapping[int, Mapping[str, Any]]) -> AsyncIterator[str]:
    number, link_hash, sealed_at = 0, GENESIS, None
    async for link, seals in _links(tx):
        if link.number != number + 1:
            yield f"audit_links: links {number + 1} to {link.number - 1} are missing."
        if link.previous_hash != link_hash:
            yield f"audit_links {link.number}: does not follow from the link before it."
        if sealed_at and link.sealed_at < sealed_at:
            yield f"audit_links {link.number}: sealed before the link before it."
        computed = LinkHash(link.number, link.previous_hash, link.sealed_at)
        for seal in seals:
            computed.add(seal)
        if computed.digest() != link.hash:
            rows = ", ".join(seal.row for seal in seals[:_NAMED]) or "no row"
            yield f"audit_links {link.number}: does not hold what was sealed; it or its seals were changed: {rows}."
        number, link_hash, sealed_at = link.number, link.hash, link.sealed_at
        anchored = heads.get(number)
        if anchored and (anchored["hash"], anchored["sealed_at"]) != (link_hash.hex(), sealed_at.isoformat()):
            yield f"audit_links {number}: anchored with another hash or time; the trail was written anew since."
    for beyond in sorted(anchored for anchored in heads if anchored > number):
        yield f"audit_links {beyond}: anchored, but the trail ends with link {number}; its tail was cut off."
    for row in await tx.execute(text(_UNLINKED)):
        yield f"audit_seals {row.position}: of {row.table_name} {row.row_key}, in no link of the trail."


async def _links(tx: AsyncSession) -> AsyncIterator[tuple[Any, list[Seal]]]:
    """The links in their order, each with its seals."""
    link: Any = None
    seals: list[Seal] = []
    async for row in await tx.stream(text(_LINKED), execution_options={"yield_per": _ROWS_AT_ONCE}):
        if link is not None and row.number != link.number:
            yield link, seals
            seals = []
        link = row
        if row.position is not None:
            seals.append(Seal(row.position, row.table_name, row.row_key, row.written_by, row.content))
    if link is not None:
        yield link, seals


def _proven(table: SealedTable) -> str:
    """SQL for the rows that have a seal, or should."""
    if table.only is None:
        return "true"
    sealed = f"SELECT row_key FROM audit_seals WHERE table_name = '{table.name}'"  # noqa: S608 - of our own texts
    return f"({table.only}) OR {table.key} IN ({sealed})"


async def _row_findings(tx: AsyncSession, table: SealedTable) -> AsyncIterator[str]:
    """Rows that differ from their last seal."""
    compared = text(
        f"""
        SELECT coalesce(latest.key, live.key) AS key, latest.content::text AS was, live.content::text AS present
        FROM (
            SELECT DISTINCT ON (row_key) row_key AS key, content FROM audit_seals
            WHERE table_name = '{table.name}' ORDER BY row_key, position DESC
        ) AS latest
        FULL JOIN (
            SELECT {table.key} AS key, {table.content} AS content FROM {table.name} AS {ROW} WHERE {_proven(table)}
        ) AS live USING (key)
        WHERE latest.content IS DISTINCT FROM live.content ORDER BY 1
        """.replace(":", "\\:")  # noqa: S608 - of the service's own texts
    )
    async for row in await tx.stream(compared):
        if found := difference(row.was, row.present):
            yield f"{table.name} {row.key}: {found}"


def changed_columns(was: Mapping[str, Any], present: Mapping[str, Any]) -> list[str]:
    """The columns that are otherwise than sealed; one that a later migration added is sealed with the next version."""
    return sorted(name for name, value in was.items() if name not in present or present[name] != value)


def difference(was: str | None, present: str | None) -> str | None:
    """What of a row is otherwise than its seal says."""
    if was is None:
        return "sealed nowhere; it was inserted past the trail."
    if present is None:
        return "sealed, and no longer there; it was removed."
    columns = changed_columns(json.loads(was), json.loads(present))
    return f"{', '.join(columns)} changed since it was sealed." if columns else None


async def read_anchors(store: ObjectStore, service: str) -> Stored:
    """The anchors of a service, and the objects among them that are none."""
    anchors: list[Anchor] = []
    faults: list[str] = []
    async for name, content in stored_anchors(store, service):
        try:
            anchor = read_anchor(content)
        except ValueError:
            faults.append(f"{name}: not an anchor as it was written.")
            continue
        if anchor.object_name != name:
            faults.append(f"{name}: holds the anchor of {anchor.object_name}.")
        anchors.append(anchor)
    return Stored(anchors, faults)


async def anchor_findings(
    tx: AsyncSession, anchors: Sequence[Anchor], keys: tuple[Ed25519PublicKey, ...]
) -> AsyncIterator[str]:
    """What is wrong with the anchors themselves: signatures, order, and the list in the database."""
    before: Anchor | None = None
    for anchor in anchors:
        if not anchor.is_signed_by(keys):
            yield f"{anchor.object_name}: not signed by a known key."
        number, previous = (before.number + 1, before.sha256()) if before else (1, "0" * 64)
        if anchor.number != number:
            yield f"{anchor.object_name}: anchors {number} to {anchor.number - 1} are missing."
        elif anchor.previous != previous:
            yield f"{anchor.object_name}: does not follow from the anchor before it."
        before = anchor
    kept = {anchor.number: anchor for anchor in anchors}
    listed = {row.number: row for row in await tx.execute(text("SELECT * FROM audit_anchors ORDER BY number"))}
    for number, row in listed.items():
        there = kept.get(number)
        if there is None:
            yield f"audit_anchors {number}: {row.object_name} is not in the store."
        elif (there.object_name, there.sha256()) != (row.object_name, row.sha256):
            yield f"audit_anchors {number}: lists another anchor than {there.object_name} holds."
        elif row.anchored_at.isoformat() != there.made_at:
            yield f"audit_anchors {number}: anchored_at is not when the anchor was made."
    for number in sorted(kept.keys() - listed.keys()):
        yield f"audit_anchors {number}: {kept[number].object_name} is in the store and no longer listed."
