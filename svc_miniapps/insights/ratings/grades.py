"""The grade of an app: kept as a count and a sum, shown from ten ratings on."""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from svc_miniapps.insights.ratings.models import AppGrade, AppRating

FEWEST = 10


async def lock_grade(tx: AsyncSession, app_id: UUID) -> AppGrade:
    """The grade of an app, locked: whatever changes a rating of it takes this lock first."""
    await tx.execute(insert(AppGrade).values(app_id=app_id).on_conflict_do_nothing())
    return await tx.get_one(AppGrade, app_id, with_for_update=True, populate_existing=True)


def counted(rating: AppRating | None) -> tuple[int, int]:
    """What a rating adds to the count and to the sum."""
    return (1, rating.grade) if rating and rating.counts else (0, 0)


async def recount(tx: AsyncSession, app_id: UUID, before: tuple[int, int], rating: AppRating) -> None:
    """Change the grade of an app by what has changed about a rating; the grade is locked."""
    after = counted(rating)
    if after != before:
        changed = update(AppGrade).where(AppGrade.app_id == app_id)
        counts = {"ratings": AppGrade.ratings + after[0] - before[0], "total": AppGrade.total + after[1] - before[1]}
        await tx.execute(changed.values(**counts))
