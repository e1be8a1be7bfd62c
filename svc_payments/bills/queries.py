"""Reading bills: the newest of a person's accounts, and the tariffs that explain one."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, true
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from svc_payments.accounts.models import AccountBinding
from svc_payments.bills.models import Bill
from svc_payments.providers.models import Tariff


def visible_to(person_id: UUID) -> ColumnElement[bool]:
    """Whether a bill is on an account this person is bound to."""
    return exists().where(
        AccountBinding.person_id == person_id,
        AccountBinding.provider_id == Bill.provider_id,
        AccountBinding.account_number == Bill.account_number,
        AccountBinding.ended_at.is_(None),
    )


def bills_of_person(person_id: UUID, wanted: Sequence[ColumnElement[bool]]) -> type[Bill]:
    """The wanted bills of all accounts a person is bound to, as an entity to select from.

    They are gathered account by account through the index before anything is sorted: left to choose, PostgreSQL may
    walk through everybody's bills from the newest on until enough of this person's have come by.
    """
    accounts = (
        select(AccountBinding.provider_id, AccountBinding.account_number)
        .where(AccountBinding.person_id == person_id, AccountBinding.ended_at.is_(None))
        .distinct()
        .subquery()
    )
    of_account = (
        select(Bill)
        .where(Bill.provider_id == accounts.c.provider_id, Bill.account_number == accounts.c.account_number, *wanted)
        .offset(0)  # keeps the planner from dissolving the LATERAL
        .lateral()
    )
    gathered = select(of_account).select_from(accounts.join(of_account, true())).subquery()
    return aliased(Bill, gathered)


async def tariffs_for(tx: AsyncSession, bill: Bill) -> Sequence[Tariff]:
    """What the bill's provider had in force on the first day of its period, one for each class and unit."""
    kind = (Tariff.customer_class, Tariff.unit)
    in_force = (
        select(Tariff)
        .where(Tariff.provider_id == bill.provider_id, Tariff.effective_from <= bill.period)
        .ext(distinct_on(*kind))
        .order_by(*kind, Tariff.effective_from.desc(), Tariff.tariff_id.desc())
    )
    return (await tx.scalars(in_force)).all()
