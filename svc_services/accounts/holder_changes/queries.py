from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from kit.staff.reach import acting_in
from svc_services.accounts.holder_changes.models import HolderChange, HolderChangeStatus
from svc_services.callers import AUDITOR, OPERATOR
from svc_services.providers.applications.models import Provider


async def latest_day(tx: AsyncSession, provider_id: UUID, account_number: str) -> date | None:
    """The day of the last change of an account that has taken effect."""
    latest: date | None = await tx.scalar(
        select(func.max(HolderChange.effective_on)).where(
            HolderChange.provider_id == provider_id,
            HolderChange.account_number == account_number,
            HolderChange.status == HolderChangeStatus.DONE,
        )
    )
    return latest


async def held_from(tx: AsyncSession, provider_id: UUID, account_number: str) -> date | None:
    """The first day of the present holder; None where no change was ever reported."""
    latest = await latest_day(tx, provider_id, account_number)
    return latest + timedelta(days=1) if latest else None


async def require_reach(tx: AsyncSession, caller: Caller, provider_id: UUID) -> None:
    """Refuse to show an operator or auditor the changes of a company beyond their division.

    Raises:
        NotYourDivision
    """
    if provider := await tx.get(Provider, provider_id):
        acting_in(caller, provider.division_codes, OPERATOR, AUDITOR)
