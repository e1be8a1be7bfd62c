"""Whether an app is taken down now; every step that brings an app to residents asks it under the app's lock."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from svc_miniapps.publishing.take_downs.models import HAS_EFFECT, TakeDown


class AppTakenDown(Problem):
    status, code = 409, "app_taken_down"


async def in_effect(tx: AsyncSession, app_id: UUID) -> Sequence[TakeDown]:
    """The take-downs that keep the app from residents, the oldest first."""
    query = select(TakeDown).where(TakeDown.app_id == app_id, TakeDown.status.in_(HAS_EFFECT))
    return (await tx.scalars(query.order_by(TakeDown.id))).all()


async def is_taken_down(tx: AsyncSession, app_id: UUID) -> bool:
    return bool(await in_effect(tx, app_id))


async def require_standing(tx: AsyncSession, app_id: UUID) -> None:
    """Refuse what would bring an app to residents that is taken down.

    Raises:
        AppTakenDown
    """
    if await is_taken_down(tx, app_id):
        raise AppTakenDown
