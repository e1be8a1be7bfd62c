"""Counts openings without keeping who opened what: a row under a hash whose key is deleted with the day."""

import hashlib
import hmac
import secrets
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound
from kit.calendar import today_of
from svc_miniapps.insights.openings import schemas
from svc_miniapps.insights.openings.models import DayKey, Opening
from svc_miniapps.insights.recent.service import remember
from svc_miniapps.packages.models import Package
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.releases.models import Release, Status
from svc_miniapps.reference.divisions.service import require_division

MOST_OPENS = 1000
"""Of one person in one version on one day; further ones are not counted."""
_RESIDENTS_HAD = (Status.GRAY, Status.PUBLISHED, Status.WITHDRAWN, Status.SUPERSEDED)
_KEY_BYTES = 32


async def report_opening(tx: AsyncSession, person_id: UUID, app_id: UUID, opened: schemas.Opened) -> None:
    """Count an opening, and put the app first in the person's own list. Idempotent for each `opening_id`.

    Raises:
        NotFound: residents do not have this version of the app.
        UnknownDivision
    """
    await require_version(tx, app_id, opened.version_code)
    await require_division(tx, opened.division_code)
    day, digest = await digest_of_today(tx, person_id, app_id)
    row = {"day": day, "app_id": app_id, "version_code": opened.version_code, "digest": digest}
    first = insert(Opening).values(
        **row, division_code=opened.division_code, opens=1, errors=0, last_opening_id=opened.opening_id
    )
    counted = first.on_conflict_do_update(
        index_elements=list(row),
        set_={
            "opens": func.least(Opening.opens + 1, MOST_OPENS),
            "division_code": opened.division_code,
            "last_opening_id": opened.opening_id,
        },
        where=Opening.last_opening_id.is_distinct_from(opened.opening_id),
    )
    await tx.execute(counted)
    await remember(tx, person_id, app_id)


async def require_version(tx: AsyncSession, app_id: UUID, version_code: int) -> None:
    """Refuse a version that residents never had, and an app that they do not see.

    Raises:
        NotFound
    """
    query = (
        select(Release.id)
        .join(Package, Package.id == Release.package_id)
        .join(Listing, Listing.app_id == Release.app_id)
        .where(Listing.hidden_at.is_(None), Release.app_id == app_id, Package.version_code == version_code)
    )
    if await tx.scalar(query.where(Release.status.in_(_RESIDENTS_HAD)).limit(1)) is None:
        raise NotFound


async def digest_of_today(tx: AsyncSession, person_id: UUID, app_id: UUID) -> tuple[date, bytes]:
    """Today, and the person's digest for this app today; those of two apps or two days have nothing in common."""
    day = await today_of(tx)
    new = insert(DayKey).values(day=day, key=secrets.token_bytes(_KEY_BYTES)).on_conflict_do_nothing()
    # Shared, so that the day is not counted between the digest and its row.
    query = select(DayKey.key).where(DayKey.day == day).with_for_update(read=True, key_share=True)
    while (key := await tx.scalar(query)) is None:  # the first report of the day, or one of yesterday after its count
        await tx.execute(new)
    return day, hmac.digest(key, app_id.bytes + person_id.bytes, hashlib.sha256)


async def opened_today(tx: AsyncSession, person_id: UUID, app_id: UUID) -> bool:
    """Whether the person has opened the app today, whatever they keep of it."""
    day, digest = await digest_of_today(tx, person_id, app_id)
    mine = Opening.day == day, Opening.app_id == app_id, Opening.digest == digest, Opening.opens > 0
    return await tx.scalar(select(Opening.version_code).where(*mine).limit(1)) is not None
