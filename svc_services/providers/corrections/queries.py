from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.providers.corrections.models import ApplicationCorrection


async def correctors_of(tx: AsyncSession, application_id: UUID) -> Sequence[UUID]:
    """Who corrected an application under their own name: they do not decide it."""
    corrected_by = select(ApplicationCorrection.corrected_by).where(
        ApplicationCorrection.application_id == application_id, ApplicationCorrection.corrected_by.is_not(None)
    )
    return [person_id for person_id in await tx.scalars(corrected_by) if person_id]
