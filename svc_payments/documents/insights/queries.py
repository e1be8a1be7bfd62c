"""Sums for charts: what a person spent, and what was used on the accounts they are bound to."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Row, and_, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.billing.bills.models import WITHDRAWN, Bill, BillKind
from svc_payments.billing.bills.queries import bills_of_person
from svc_payments.collection.payments.models import Payment, PaymentLine
from svc_payments.collection.payments.queries import beginning_of
from svc_payments.parties.providers.models import Provider


class Account(NamedTuple):
    provider_id: UUID
    number: str


class Used(NamedTuple):
    usage: Decimal
    billed_fen: int


def next_month(month: date, by: int = 1) -> date:
    """The first day of the month so many months later or earlier."""
    year, index = divmod(month.year * 12 + month.month - 1 + by, 12)
    return date(year, index + 1, 1)


async def spending_rows(
    tx: AsyncSession, person_id: UUID, first: date, last: date, *, by_month: bool, by_utility: bool
) -> Sequence[Row[str | None, str | None, int, int, int, int]]:
    """(month, utility, payments, paid, refunded, late fees) of what a person paid from one month through another.

    Money that no bill could take was never spent, and is on its way back.
    """
    in_china = func.timezone("Asia/Shanghai", Payment.captured_at)
    month = func.to_char(in_china, "YYYY-MM") if by_month else literal(None)
    utility = Provider.kind if by_utility else literal(None)
    late_fees = select(func.sum(PaymentLine.late_fee_fen)).where(PaymentLine.payment_id == Payment.id)
    paid = (
        select(
            month.label("month"),
            utility.label("utility"),
            Payment.amount_fen,
            Payment.refunded_fen,
            late_fees.scalar_subquery().label("late_fee_fen"),
        )
        .join(Provider, Provider.provider_id == Payment.provider_id, isouter=True)
        .where(
            Payment.person_id == person_id,
            Payment.captured_at >= beginning_of(first),
            Payment.captured_at < beginning_of(next_month(last)),
            Payment.held.is_(False),
        )
        .subquery()
    )
    groups = (paid.c.month, paid.c.utility)
    sums = (func.sum(paid.c[name]).cast(Payment.amount_fen.type) for name in ("amount_fen", "refunded_fen"))
    late = func.coalesce(func.sum(paid.c.late_fee_fen), 0).cast(Payment.amount_fen.type)
    rows = await tx.execute(select(*groups, func.count(), *sums, late).group_by(*groups).order_by(*groups))
    return rows.all()


async def used(tx: AsyncSession, person_id: UUID, first: date, last: date) -> dict[Account, dict[date, Used]]:
    """Usage and charges by month and account, for the accounts whose bills this person may see."""
    bills = bills_of_person(
        person_id,
        [
            and_(Bill.period >= first, Bill.period <= last),
            Bill.kind == BillKind.REGULAR,
            Bill.status.not_in(WITHDRAWN),
        ],
    )
    groups = (bills.provider_id, bills.account_number, bills.period)
    sums = (func.sum(bills.usage), func.sum(bills.amount_fen).cast(Bill.amount_fen.type))
    found: dict[Account, dict[date, Used]] = defaultdict(dict)
    for provider_id, number, period, usage, billed_fen in await tx.execute(
        select(*groups, *sums).group_by(*groups).order_by(*groups)
    ):
        found[Account(provider_id, number)][period] = Used(usage, billed_fen)
    return found


async def kinds_of(tx: AsyncSession, provider_ids: set[UUID]) -> dict[UUID, str]:
    found = await tx.scalars(select(Provider).where(Provider.provider_id.in_(provider_ids)))
    return {provider.provider_id: provider.kind for provider in found}
