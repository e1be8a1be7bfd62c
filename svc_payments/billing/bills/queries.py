"""Reading bills: the newest of a person's accounts, and the tariffs that explain one."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, null, or_, select, true, union, union_all
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from svc_payments.billing.application_fees.models import ApplicationFee
from svc_payments.billing.bills.models import Bill, BillKind, BillNumber, BillVersion
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.parties.accounts.queries import (
    FROM_EVER,
    SINCE_EVER,
    in_force,
    shown_from,
    shown_since,
    was_holders,
)
from svc_payments.parties.providers.models import Tariff

OnAccount: TypeAlias = tuple[
    ColumnElement[UUID] | InstrumentedAttribute[UUID],
    ColumnElement[str] | InstrumentedAttribute[str],
    ColumnElement[date] | InstrumentedAttribute[date],
    ColumnElement[datetime] | InstrumentedAttribute[datetime],
]
"""The provider and the account of a bill, its period, and when it was made."""

_BILL: OnAccount = (Bill.provider_id, Bill.account_number, Bill.period, Bill.created_at)


def visible_to(person_id: UUID) -> ColumnElement[bool]:
    """Whether a bill is one that this person may see."""
    own_fee = exists().where(ApplicationFee.bill_id == Bill.id, ApplicationFee.person_id == person_id)
    return or_(visible_on(person_id, _BILL), own_fee)


def visible_on(person_id: UUID, bill: OnAccount) -> ColumnElement[bool]:
    """Whether this person is, or was then, bound to the account of a bill in a role that shows it."""
    _, _, period, created_at = bill
    bound = and_(in_force(), period >= shown_from(), created_at >= shown_since())
    return or_(_of_binding(person_id, bill, bound), _of_former_holder(person_id, bill))


def _of_former_holder(person_id: UUID, bill: OnAccount = _BILL) -> ColumnElement[bool]:
    _, _, period, created_at = bill
    return _of_binding(person_id, bill, was_holders(period, created_at))


def _of_binding(person_id: UUID, bill: OnAccount, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    provider_id, account_number, _, _ = bill
    return exists().where(
        AccountBinding.person_id == person_id,
        AccountBinding.provider_id == provider_id,
        AccountBinding.account_number == account_number,
        condition,
    )


def bills_of_person(person_id: UUID, wanted: Sequence[ColumnElement[bool]]) -> type[Bill]:
    """The wanted bills of all accounts a person is bound to, as an entity to select from.

    They are gathered account by account through the index before anything is sorted: left to choose, PostgreSQL may
    walk through everybody's bills from the newest on until enough of this person's have come by.
    """
    account = (AccountBinding.provider_id, AccountBinding.account_number)
    bound, former = in_force(), AccountBinding.held_until.is_not(None)
    shown = (shown_from().label("shown_from"), shown_since().label("shown_since"))
    bindings = (
        select(*account, *(func.min(each.element).filter(bound).label(each.name) for each in shown))
        .where(AccountBinding.person_id == person_id, or_(bound, former))
        .group_by(*account)
    )
    fee = (ApplicationFee.provider_id, cast(ApplicationFee.application_id, Text))
    applications = select(*fee, FROM_EVER, SINCE_EVER).where(ApplicationFee.person_id == person_id)
    accounts = union(bindings, applications).subquery()
    of_account = (
        select(Bill)
        .where(
            Bill.provider_id == accounts.c.provider_id,
            Bill.account_number == accounts.c.account_number,
            or_(
                and_(Bill.period >= accounts.c.shown_from, Bill.created_at >= accounts.c.shown_since),
                _of_former_holder(person_id),
            ),
            *wanted,
        )
        .offset(0)  # keeps the planner from dissolving the LATERAL
        .lateral()
    )
    gathered = select(of_account).select_from(accounts.join(of_account, true())).subquery()
    return aliased(Bill, gathered)


def bills_numbered(numbers: type[BillNumber], wanted: Sequence[ColumnElement[bool]]) -> Select[Bill]:
    """The wanted bills among those that have some numbers.

    Each is looked up by its id: otherwise PostgreSQL may scan every month for a few bills.
    """
    numbered = aliased(Bill, select(Bill).where(Bill.id == numbers.bill_id, *wanted).offset(0).lateral())
    return select(numbered).select_from(numbers).join(numbered, true())


def versions_of(bill: Bill) -> type[BillVersion]:
    """All versions of a bill, the newest with them, as an entity to select from."""
    columns = [column for column in BillVersion.__table__.columns if column.key not in {"bill_id", "replaced_at"}]
    before = select(BillVersion.bill_id, *columns, BillVersion.replaced_at).where(BillVersion.bill_id == bill.id)
    newest = select(Bill.id, *(getattr(Bill, column.key) for column in columns), null()).where(Bill.id == bill.id)
    return aliased(BillVersion, union_all(before, newest).subquery())


async def tariffs_for(tx: AsyncSession, bill: Bill) -> Sequence[Tariff]:
    """What a bill may have been made by: the tariff it names, or those in force on the first day of its period.

    One that it names explains it or nothing does. The others are one for each class and unit that it does not exclude.
    """
    if bill.kind == BillKind.APPLICATION_FEE:
        return []
    of_provider = (Tariff.provider_id == bill.provider_id, Tariff.withdrawn_at.is_(None))
    if bill.tariff_id:
        named = await tx.scalar(select(Tariff).where(*of_provider, Tariff.tariff_id == bill.tariff_id))
        return [named] if named else []
    kind = (Tariff.customer_class, Tariff.unit)
    in_force = (
        select(Tariff)
        .where(
            *of_provider,
            Tariff.effective_from <= bill.period,
            *([Tariff.customer_class == bill.customer_class] if bill.customer_class else []),
            *([Tariff.unit == bill.unit] if bill.unit else []),
        )
        .ext(distinct_on(*kind))
        .order_by(*kind, Tariff.effective_from.desc(), Tariff.tariff_id.desc())
    )
    return (await tx.scalars(in_force)).all()
