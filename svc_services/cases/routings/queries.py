from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.cases.applications.models import Application
from svc_services.cases.routings.models import CaseRouting


async def place_at(tx: AsyncSession, case: Application, position: int) -> tuple[UUID, str]:
    """The provider and the division that had a case when a step was taken."""
    following = select(CaseRouting).where(CaseRouting.application_id == case.id, CaseRouting.position >= position)
    routing: CaseRouting | None = await tx.scalar(following.order_by(CaseRouting.position).limit(1))
    if routing is None:
        return case.provider_id, case.division_code
    return routing.from_provider_id, routing.from_division_code
