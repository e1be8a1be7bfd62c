from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Date, case, cast, exists, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA
from svc_payments.parties.accounts.models import AccountBinding

_EVER = literal_column("'-infinity'::date", Date)
_NEVER = literal_column("'infinity'::date", Date)


def shown_from() -> ColumnElement[date]:
    """The period from which on a binding shows the bills of its account.

    Owners and family see all of them; a tenant those from the month on in which the binding began, because earlier ones
    tell of who lived there before.
    """
    began = cast(func.date_trunc("month", func.timezone(str(CHINA), AccountBinding.bound_at)), Date)
    return case(
        (AccountBinding.role.in_(("owner", "family")), _EVER),
        (AccountBinding.role == "tenant", func.coalesce(began, _NEVER)),
        else_=_NEVER,
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
