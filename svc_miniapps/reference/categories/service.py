from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pagination import Page
from chassis.problems import Problem
from svc_miniapps.reference.categories import schemas
from svc_miniapps.reference.categories.models import Category


class UnknownCategory(Problem):
    status, code = 422, "unknown_category"


async def require_category(tx: AsyncSession, code: str) -> None:
    if await tx.get(Category, code) is None:
        raise UnknownCategory


async def list_categories(tx: AsyncSession) -> Page[schemas.Category]:
    """All of them, in the order in which the prefecture names them; seven fit on one page."""
    rows = await tx.scalars(select(Category).order_by(Category.position))
    return Page(items=[schemas.Category.model_validate(row) for row in rows], next_cursor=None)
