"""The plans that a bill may have been made by, and the earlier bills whose usage counts for it."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from svc_payments.billing.bills.models import WITHDRAWN, Bill, BillKind
from svc_payments.billing.bills.queries import visible_to
from svc_payments.parties.tariff_plans.models import TariffPlan

MOST_PLANS = 100
_MOST_VERSIONS = 500
_MOST_BILLS = 100
_LOOKED_BACK = timedelta(days=800)
"""A season begins in the year before, and a bill may have up to 400 days."""
_LONGEST = timedelta(days=431)


async def versions_for(tx: AsyncSession, bill: Bill) -> Sequence[TariffPlan]:
    """The versions of the plans that the bill does not exclude, not withdrawn and begun within its days at the latest.

    Of a plan that it names by one version all versions.
    """
    of_provider = (TariffPlan.provider_id == bill.provider_id, TariffPlan.withdrawn_at.is_(None))
    query = select(TariffPlan).where(*of_provider, TariffPlan.effective_from < bill.period + _LONGEST)
    if bill.tariff_id:
        named = await tx.scalar(select(TariffPlan).where(*of_provider, TariffPlan.tariff_id == bill.tariff_id))
        if named is None:
            return []
        query = query.where(TariffPlan.customer_class == named.customer_class, TariffPlan.code == named.code)
    if bill.customer_class:
        query = query.where(TariffPlan.customer_class == bill.customer_class)
    if bill.unit:
        query = query.where(_is_priced_by(bill.unit))
    latest_first = query.order_by(TariffPlan.effective_from.desc(), TariffPlan.tariff_id.desc())
    return (await tx.scalars(latest_first.limit(_MOST_VERSIONS))).all()


def _is_priced_by(unit: str) -> ColumnElement[bool]:
    """Of a plan of fixed amounts any unit may be stated."""
    return or_(TariffPlan.measures.contains([unit]), func.cardinality(TariffPlan.measures) == 0)


async def earlier_bills(tx: AsyncSession, caller: Caller, bill: Bill) -> Sequence[Bill]:
    """The bills of the account before this one, as far as the caller may see them: nobody learns of a holder before."""
    visible = visible_to(caller.id) if caller.kind != "client" else Bill.provider_id == caller.id
    query = select(Bill).where(
        Bill.provider_id == bill.provider_id,
        Bill.account_number == bill.account_number,
        Bill.id != bill.id,
        Bill.kind == BillKind.REGULAR,
        Bill.status.not_in(WITHDRAWN),
        Bill.period <= bill.period,
        Bill.period >= bill.period - _LOOKED_BACK,
        or_(Bill.unit.is_(None), Bill.unit == bill.unit) if bill.unit else Bill.unit.is_(None),
        visible,
    )
    return (await tx.scalars(query.order_by(Bill.period.desc(), Bill.id.desc()).limit(_MOST_BILLS))).all()
