"""The copy of the catalogue that each process holds, compared with the database once a second."""

import asyncio
from collections import defaultdict
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import ColumnElement, and_, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.db import Database
from kit.calendar import today_of
from svc_miniapps.apps.registrations.models import AppFiling
from svc_miniapps.catalogue.deltas.models import PackageDelta
from svc_miniapps.catalogue.entries import Catalogue, Difference, End, Entry
from svc_miniapps.catalogue.schemas import Grade
from svc_miniapps.insights.ratings.grades import FEWEST
from svc_miniapps.insights.ratings.models import AppGrade
from svc_miniapps.insights.recommended.models import ListStatus, RecommendedList
from svc_miniapps.packages.models import Package, PackageFace
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.shutdowns.models import AppShutdown, ShutdownStatus
from svc_miniapps.publishing.signatures.models import PackageSignature
from svc_miniapps.reference.categories.models import Category
from svc_miniapps.reference.divisions.models import Division

FRESH_SECONDS = 1.0
OLDEST_SECONDS = 2.0
"""While one request reads, the others use the copy up to this age: a take-down is visible after it."""
_AVERAGE = "round(total::numeric / ratings, 1)"
_COUNT = "trunc(ratings::numeric, 2 - length(ratings::text))::int"
"""The first two digits: the copy is not read anew for each rating of an app that has many."""
_FINGERPRINT = text(
    "SELECT concat_ws(' ', (SELECT md5(string_agg(concat(app_id, listings.xmin, '-', package_signatures.xmin), ' ' "  # noqa: S608 - ours
    "ORDER BY app_id)) FROM listings LEFT JOIN package_signatures USING (package_id)), "
    "(SELECT count(*) FROM package_deltas), (now() AT TIME ZONE 'Asia/Shanghai')::date, "
    "(SELECT md5(string_agg(concat(id, xmin), ' ' ORDER BY id)) FROM app_shutdowns), "
    "(SELECT md5(string_agg(concat(id, xmin), ' ' ORDER BY id)) FROM recommended_lists WHERE status = 'in_force'), "
    f"(SELECT md5(string_agg(concat(app_id, ' ', {_AVERAGE}, ' ', {_COUNT}), ' ' ORDER BY app_id)) "
    "FROM app_grades WHERE ratings >= :fewest))"
).bindparams(fewest=FEWEST)
_LISTED = (
    *(Listing.app_id, Listing.release_id, Listing.division_code, Listing.category, Listing.name),
    *(Listing.short_description, Listing.languages, Listing.texts, Listing.search_words, Listing.min_platform_code),
    *(Listing.icon_sha256, Listing.published_at),
    *(Package.version_code, Package.version_name, Package.sha256, Package.size_bytes),
    AppFiling.number.label("filing_number"),
    PackageSignature.jws.label("signature"),
    PackageFace.targets,
)


class CatalogueCopy:
    """The copy of one process."""

    def __init__(self) -> None:
        self._catalogue: Catalogue | None = None
        self._read_at = float("-inf")
        self._changes = 0
        self._reading = asyncio.Lock()

    def at_hand(self) -> Catalogue | None:
        """The copy, if it may be used without reading the database."""
        age = asyncio.get_running_loop().time() - self._read_at
        usable = age <= FRESH_SECONDS or (age <= OLDEST_SECONDS and self._reading.locked())
        return self._catalogue if usable else None

    async def current(self, database: Database) -> Catalogue:
        """The catalogue as it was at most two seconds ago."""
        if catalogue := self.at_hand():
            return catalogue
        async with self._reading:
            age = asyncio.get_running_loop().time() - self._read_at
            if self._catalogue is None or age > FRESH_SECONDS:  # else another request has read it meanwhile
                self._catalogue = await self._read(database)
            return self._catalogue

    def expire(self) -> None:
        """Something of the catalogue may have changed: the next request reads it."""
        self._changes += 1
        self._read_at = float("-inf")

    async def _read(self, database: Database) -> Catalogue:
        begun, changes = asyncio.get_running_loop().time(), self._changes
        catalogue = self._catalogue
        async with database.read() as tx:
            fingerprint = await _fingerprint(tx)
            if catalogue is None or catalogue.fingerprint != fingerprint:
                catalogue = await _read(tx, fingerprint)
        # What changed while this was read may not be in it.
        self._read_at = begun if changes == self._changes else float("-inf")
        return catalogue


async def _fingerprint(tx: AsyncSession) -> str:
    """A text that is another one once any listing was added, changed, signed or removed.

    PostgreSQL computes it of 2,000 listings in two milliseconds; a number that transactions count up would either
    serialise them or be seen out of order.
    """
    fingerprint: str = (await tx.execute(_FINGERPRINT)).scalar_one()
    return fingerprint


async def _read(tx: AsyncSession, fingerprint: str) -> Catalogue:
    shown = select(*_LISTED).join(Package, Package.id == Listing.package_id)
    shown = shown.outerjoin(AppFiling, AppFiling.app_id == Listing.app_id)
    shown = shown.outerjoin(PackageSignature, PackageSignature.package_id == Listing.package_id)
    shown = shown.outerjoin(PackageFace, PackageFace.package_id == Listing.package_id)
    rows = await tx.execute(shown.where(Listing.hidden_at.is_(None)))
    deltas, grades, ends = await _deltas(tx), await _grades(tx), await _ends(tx, ShutdownStatus.ANNOUNCED)
    return Catalogue(
        fingerprint,
        [
            Entry(**row, deltas=deltas.get(app_id, {}), grade=grades.get(app_id), end=ends.get(app_id))
            for row in rows.mappings()
            for app_id in (row["app_id"],)
        ],
        frozenset(await tx.scalars(select(Division.code))),
        frozenset(await tx.scalars(select(Category.code))),
        await _recommended(tx),
        await _ends(tx, ShutdownStatus.ENDED),
    )


async def _ends(tx: AsyncSession, status: ShutdownStatus) -> dict[UUID, End]:
    """By app; an app to go on with is named while residents have it."""
    shown = and_(Listing.app_id == AppShutdown.redirect_app_id, Listing.hidden_at.is_(None))
    columns = AppShutdown.app_id, AppShutdown.last_day, AppShutdown.texts, Listing.app_id
    query = select(*columns).outerjoin(Listing, shown).where(AppShutdown.status == status)
    rows = await tx.execute(query)
    return {app_id: End(last_day, texts, redirect) for app_id, last_day, texts, redirect in rows}


async def _deltas(tx: AsyncSession) -> dict[UUID, dict[str, Difference]]:
    """Of each app the deltas that lead to its listed version."""
    older = aliased(Package)
    query = (
        select(Listing.app_id, older.sha256, PackageDelta.sha256, PackageDelta.size_bytes)
        .join(PackageDelta, PackageDelta.to_package_id == Listing.package_id)
        .join(older, older.id == PackageDelta.from_package_id)
    )
    found: dict[UUID, dict[str, Difference]] = defaultdict(dict)
    for app_id, from_sha256, sha256, size_bytes in await tx.execute(query):
        if sha256 is not None and size_bytes is not None:
            found[app_id][from_sha256] = Difference(sha256, size_bytes)
    return found


async def _grades(tx: AsyncSession) -> dict[UUID, Grade]:
    average: ColumnElement[Decimal] = literal_column(_AVERAGE)
    count: ColumnElement[int] = literal_column(_COUNT)
    query = select(AppGrade.app_id, average, count).where(AppGrade.ratings >= FEWEST)
    return {app_id: Grade(average=float(mean), ratings=ratings) for app_id, mean, ratings in await tx.execute(query)}


async def _recommended(tx: AsyncSession) -> dict[str, list[UUID]]:
    today = await today_of(tx)
    valid = RecommendedList.valid_from <= today, RecommendedList.valid_until >= today
    query = select(RecommendedList.division_code, RecommendedList.app_ids).where(*valid)
    rows = await tx.execute(query.where(RecommendedList.status == ListStatus.IN_FORCE))
    return {row.division_code: row.app_ids for row in rows}


async def _catalogue(request: Request) -> Catalogue:
    copy: CatalogueCopy = request.app.state.catalogue_copy
    return await copy.current(request.app.state.database)


InCatalogue = Annotated[Catalogue, Depends(_catalogue)]
