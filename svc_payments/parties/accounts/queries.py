from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Date, DateTime, and_, case, cast, exists, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from chassis.db import CHINA
from svc_payments.parties.accounts.models import AccountBinding

EVER = literal_column("'-infinity'::date", Date)
_NEVER = literal_column("'infinity'::date", Date)


def shown_from() -> ColumnElement[date]:
    """The period from which on a binding shows the bills of its account.

    Owners and family see all of them since the account changed hands; a tenant those from the month on in which the
    binding began. Earlier ones tell of who lived there before.
    """
    began = cast(func.date_trunc("month", func.timezone(str(CHINA), AccountBinding.bound_at)), Date)
    held = cast(func.date_trunc("month", AccountBinding.held_from), Date)
    return case(
        (AccountBinding.role.in_(("owner", "family")), func.coalesce(held, EVER)),
        (AccountBinding.role == "tenant", func.coalesce(began, _NEVER)),
        else_=_NEVER,
    )


def was_holders(
    period: ColumnElement[date] | InstrumentedAttribute[date],
    created_at: ColumnElement[datetime] | InstrumentedAttribute[datetime],
) -> ColumnElement[bool]:
    """Whether a bill is of the time of a binding that ended because its account changed hands.

    That are the months that were over on its last day. Of the month of the change it is a bill that was there before
    the change: one made later tells of the next holder.
    """
    day_after = AccountBinding.held_until + 1
    month_of_change = cast(func.date_trunc("month", day_after), Date)
    change = func.least(AccountBinding.ended_at, func.timezone(str(CHINA), cast(day_after, DateTime())))
    return and_(
        AccountBinding.held_until.is_not(None),
        period >= shown_from(),
        or_(period < month_of_change, and_(period == month_of_change, created_at < change)),
    )


async def is_bound(
    tx: AsyncSession, person_id: UUID, provider_id: UUID, account_number: str, roles: Collection[str] = ()
) -> bool:
    """Whether a person is bound to an account now, in one of these roles if any are named."""
    bound = exists().where(
        AccountBinding.person_id == person_id,
        AccountBinding.provider_id == provider_id,
        AccountBinding.account_number == account_number,
        AccountBinding.ended_at.is_(None),
        *([AccountBinding.role.in_(roles)] if roles else []),
    )
    return bool(await tx.scalar(select(bound)))
