from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Date, DateTime, and_, case, cast, exists, func, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from chassis.db import CHINA
from svc_payments.parties.accounts.models import AccountBinding

FROM_EVER = literal_column("'-infinity'::date", Date)
SINCE_EVER = literal_column("'-infinity'::timestamptz", DateTime(timezone=True))
_NEVER = literal_column("'infinity'::date", Date)


def in_force() -> ColumnElement[bool]:
    """Whether a binding gives access now; by its last day too, whose event may be late."""
    today = cast(func.timezone(str(CHINA), func.now()), Date)
    until = AccountBinding.access_until
    return and_(AccountBinding.ended_at.is_(None), or_(until.is_(None), until >= today))


def shown_from() -> ColumnElement[date]:
    """The period from which on a binding shows the bills of its account.

    Owners and family see all of them since the account changed hands; a tenant those from the month on in which the
    tenancy began. Earlier ones tell of who lived there before.
    """
    bound_on = cast(func.timezone(str(CHINA), AccountBinding.bound_at), Date)
    began = cast(func.date_trunc("month", func.coalesce(AccountBinding.starts_on, bound_on)), Date)
    held = cast(func.date_trunc("month", AccountBinding.held_from), Date)
    return case(
        (AccountBinding.role.in_(("owner", "family")), func.coalesce(held, FROM_EVER)),
        (AccountBinding.role == "tenant", func.greatest(func.coalesce(began, _NEVER), held)),
        else_=_NEVER,
    )


def shown_since() -> ColumnElement[datetime]:
    """When a bill of the first month must have been made to be shown: a tenant's not before the tenancy.

    Where the owner has named no day, it is the whole month in which the tenant was bound.
    """
    began = func.timezone(str(CHINA), cast(AccountBinding.starts_on, DateTime()))
    return case((AccountBinding.role == "tenant", func.coalesce(began, SINCE_EVER)), else_=SINCE_EVER)


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
        AccountBinding.role == "owner",
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
        in_force(),
        *([AccountBinding.role.in_(roles)] if roles else []),
    )
    return bool(await tx.scalar(select(bound)))
