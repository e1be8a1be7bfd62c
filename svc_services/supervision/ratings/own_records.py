from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.my_data import records
from svc_services.cases.applications.models import Application
from svc_services.supervision.ratings.models import Rating


async def of_person(tx: AsyncSession, person_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """The ratings that a person gave, for the file of their data."""
    mine = select(Application.id).where(Application.person_id == person_id)
    return {"ratings": await records(tx, Rating, Rating.application_id.in_(mine), without=("salt",))}
