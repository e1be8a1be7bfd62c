"""Makes the differences between the published version of an app and the last ones before it, where they save half."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from obstore.store import ObjectStore
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.db import Database, now
from chassis.problems import TryLater
from chassis.telemetry import log
from svc_miniapps.catalogue.deltas.models import PackageDelta
from svc_miniapps.catalogue.deltas.patches import NotReproducedError, difference
from svc_miniapps.packages import store
from svc_miniapps.packages.models import Package
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.releases.models import Release

VERSIONS = 3
"""Phones that missed more than these fetch the whole package."""
AT_ONCE = 20
_WORTH = 2
"""A delta is kept where the package has at least this many times its size."""


@dataclass(frozen=True)
class _Pair:
    from_id: UUID
    from_key: str
    to_id: UUID
    to_key: str


async def make_deltas(database: Database, objects: ObjectStore) -> int:
    """Make the next ones that are missing. Returns how many pairs were decided."""
    async with database.read() as tx:
        pairs = await _missing(tx)
    made = 0
    for pair in pairs:
        try:
            found = await _made(objects, pair)
        except (TryLater, NotReproducedError) as error:
            log.error(
                "delta_failed", error=type(error).__name__, from_package_id=pair.from_id, to_package_id=pair.to_id
            )
            continue
        async with database.transaction() as tx:
            # Another worker may have been as quick.
            row = insert(PackageDelta).values(
                from_package_id=pair.from_id, to_package_id=pair.to_id, made_at=now(), **found
            )
            await tx.execute(row.on_conflict_do_nothing())
        made += 1
    return made


async def _missing(tx: AsyncSession) -> Sequence[_Pair]:
    """Of each app the pairs of one of its last versions and the listed one of which nothing is known."""
    older, newer = aliased(Package), aliased(Package)
    rank = func.row_number().over(partition_by=Release.app_id, order_by=Release.published_at.desc())
    recent = (
        select(Release.app_id, Release.package_id, rank.label("rank"))
        .join(Listing, Listing.app_id == Release.app_id)
        .where(Release.published_at.is_not(None), Release.package_id != Listing.package_id)
        .subquery()
    )
    known = select(PackageDelta.from_package_id).where(
        PackageDelta.from_package_id == older.id, PackageDelta.to_package_id == newer.id
    )
    query = (
        select(older.id, older.object_key, newer.id, newer.object_key)
        .select_from(Listing)
        .join(recent, recent.c.app_id == Listing.app_id)
        .join(older, older.id == recent.c.package_id)
        .join(newer, newer.id == Listing.package_id)
        .where(recent.c.rank <= VERSIONS, older.sha256 != newer.sha256, ~known.exists())
        .order_by(Listing.published_at, recent.c.rank)
        .limit(AT_ONCE)
    )
    return [_Pair(*row) for row in await tx.execute(query)]


async def _made(objects: ObjectStore, pair: _Pair) -> dict[str, str | int | None]:
    """The stored difference of a pair; nothing where the whole package is as good."""
    older, newer = [await store.read(objects, key) for key in (pair.from_key, pair.to_key)]
    patch = await asyncio.to_thread(difference, older, newer)
    if len(patch) * _WORTH > len(newer):
        return {"sha256": None, "size_bytes": None, "object_key": None}
    sha256 = hashlib.sha256(patch).hexdigest()
    key = f"{store.DELTAS}/{pair.from_id}-{pair.to_id}-{sha256}.zst"
    await store.put(objects, key, patch)
    return {"sha256": sha256, "size_bytes": len(patch), "object_key": key}
