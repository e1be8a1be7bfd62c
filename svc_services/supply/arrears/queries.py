"""Which notices a person sees."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Select, and_, cast, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from chassis.db import CHINA
from svc_services.accounts.bindings.models import AccountBinding, Role
from svc_services.accounts.bindings.queries import in_force
from svc_services.accounts.holder_changes.models import HolderChange, HolderChangeStatus
from svc_services.supply.arrears.models import ArrearsNotice


def notices_of(person_id: UUID, today: date) -> Select[ArrearsNotice]:
    """The notices on accounts of a person, since they or who invited them hold these; of a tenancy since it began.

    None of which nothing was due once it was checked: what a company says alone is not shown.
    """
    opened_on = _day(ArrearsNotice.opened_at)
    since = func.coalesce(AccountBinding.starts_on, _day(AccountBinding.activated_at))
    mine = exists().where(
        AccountBinding.person_id == person_id,
        AccountBinding.provider_id == ArrearsNotice.provider_id,
        AccountBinding.account_number == ArrearsNotice.account_number,
        in_force(today),
        or_(AccountBinding.role != Role.TENANT, since <= opened_on),
    )
    return select(ArrearsNotice).where(mine, ArrearsNotice.checked_fen > 0, ~_before_change(opened_on))


async def of_earlier_holder(tx: AsyncSession, notice: ArrearsNotice) -> bool:
    """Whether a holder before the present one owes what is due."""
    query = select(ArrearsNotice.id).where(ArrearsNotice.id == notice.id, _before_change(_day(ArrearsNotice.opened_at)))
    return await tx.scalar(query) is not None


def _before_change(opened_on: ColumnElement[date]) -> ColumnElement[bool]:
    """Whether the account has changed hands since, or since the month of a bill; as svc_payments shows bills.

    The change of a day leaves that day to who held the account before.
    """
    held_from = cast(func.date_trunc("month", HolderChange.effective_on + 1), Date)
    changed = and_(
        HolderChange.provider_id == ArrearsNotice.provider_id,
        HolderChange.account_number == ArrearsNotice.account_number,
        HolderChange.status == HolderChangeStatus.DONE,
        or_(HolderChange.effective_on >= opened_on, held_from > ArrearsNotice.first_period),
    )
    return exists().where(changed)


def _day(moment: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]) -> ColumnElement[date]:
    return cast(func.timezone(str(CHINA), moment), Date)
