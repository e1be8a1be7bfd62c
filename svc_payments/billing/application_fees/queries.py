"""Fees at counters, where the id of an application is typed in place of an account number."""

import re
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.billing.application_fees.models import ApplicationFee

_ID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", re.ASCII)


def application_of(number: str) -> UUID | None:
    """The application that stands for an account, if this number is none of an account."""
    return UUID(number) if _ID.fullmatch(number) else None


async def applicant_of(tx: AsyncSession, provider_id: UUID, application_id: UUID) -> UUID | None:
    """Who has applied, as far as a fee was quoted."""
    quoted = select(ApplicationFee.person_id).filter_by(provider_id=provider_id, application_id=application_id)
    return await tx.scalar(quoted.limit(1))


async def is_applicant(tx: AsyncSession, person_id: UUID, fee_ids: list[UUID]) -> bool:
    """Whether one of these bills is a fee of this person's application."""
    own = select(ApplicationFee.id).where(ApplicationFee.id.in_(fee_ids), ApplicationFee.person_id == person_id)
    return await tx.scalar(own.limit(1)) is not None
