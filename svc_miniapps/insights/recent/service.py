"""The list of recently used apps: short, the person's own, deleted and switched off by them at once."""

from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from kit.calendar import database_time
from svc_miniapps.apps.models import App
from svc_miniapps.insights.recent import schemas
from svc_miniapps.insights.recent.models import RecentApp, RecentChoice
from svc_miniapps.publishing.listings.models import Listing

MOST = 30


async def remember(tx: AsyncSession, person_id: UUID, app_id: UUID) -> None:
    """Put an app first in the person's list, unless they have switched it off; the oldest beyond thirty goes."""
    await _lock(tx, person_id)
    if await tx.get(RecentChoice, person_id):
        return
    opened_at = await database_time(tx)
    added = insert(RecentApp).values(person_id=person_id, app_id=app_id, opened_at=opened_at)
    again = added.on_conflict_do_update(
        index_elements=[RecentApp.person_id, RecentApp.app_id], set_={"opened_at": opened_at}
    )
    await tx.execute(again)
    mine = RecentApp.person_id == person_id
    newest = select(RecentApp.app_id).where(mine).order_by(RecentApp.opened_at.desc(), RecentApp.app_id).limit(MOST)
    await tx.execute(delete(RecentApp).where(mine, RecentApp.app_id.not_in(newest)))


async def recent_apps(tx: AsyncSession, person_id: UUID) -> schemas.RecentApps:
    query = (
        select(RecentApp, App.name, Listing.app_id.is_not(None) & Listing.hidden_at.is_(None))
        .join(App, App.id == RecentApp.app_id)
        .outerjoin(Listing, Listing.app_id == RecentApp.app_id)
        .where(RecentApp.person_id == person_id)
        .order_by(RecentApp.opened_at.desc(), RecentApp.app_id)
    )
    items = [
        schemas.RecentApp(app_id=row.app_id, name=name, opened_at=row.opened_at, available=available)
        for row, name, available in await tx.execute(query)
    ]
    return schemas.RecentApps(enabled=await tx.get(RecentChoice, person_id) is None, items=items)


async def choose(tx: AsyncSession, person_id: UUID, *, enabled: bool) -> schemas.RecentApps:
    """Switch the list on, or off with everything in it. Idempotent."""
    await _lock(tx, person_id)
    if enabled:
        await tx.execute(delete(RecentChoice).where(RecentChoice.person_id == person_id))
    else:
        off = insert(RecentChoice).values(person_id=person_id, off_since=now())
        await tx.execute(off.on_conflict_do_nothing())
        await tx.execute(delete(RecentApp).where(RecentApp.person_id == person_id))
    return await recent_apps(tx, person_id)


async def forget(tx: AsyncSession, person_id: UUID, app_id: UUID | None = None) -> None:
    """Delete one app from the person's list, or all. Idempotent."""
    await _lock(tx, person_id)
    gone = delete(RecentApp).where(RecentApp.person_id == person_id)
    await tx.execute(gone if app_id is None else gone.where(RecentApp.app_id == app_id))


async def has_opened(tx: AsyncSession, person_id: UUID, app_id: UUID) -> bool:
    return await tx.get(RecentApp, (person_id, app_id)) is not None


async def erase_recent(tx: AsyncSession, person_id: UUID) -> None:
    """Delete everything of a person who has closed their account."""
    for table in (RecentApp, RecentChoice):
        await tx.execute(delete(table).where(table.person_id == person_id))


async def _lock(tx: AsyncSession, person_id: UUID) -> None:
    """Two phones of one person wait for each other; the list has no row of its own to lock."""
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"recent apps {person_id}", 0))))
