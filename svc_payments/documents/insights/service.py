from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from kit.calendar import today_of
from svc_payments.collection.payments.queries import check_period
from svc_payments.documents.insights import queries, schemas
from svc_payments.documents.insights.queries import Used, next_month

_USUAL_MONTHS = 12
MOST_MONTHS = 60


class PeriodTooLong(Problem):
    """Longer charts are unreadable, and the answer has every month at once."""

    status, code = 422, "period_too_long"


async def spending_of(
    tx: AsyncSession, person_id: UUID, first: date | None, last: date | None, by: frozenset[str]
) -> schemas.Spending:
    """What a person paid, net of refunds.

    Raises:
        PeriodBackwards, PeriodTooLong
    """
    first, last = await _period(tx, first, last)
    rows = await queries.spending_rows(tx, person_id, first, last, by_month="month" in by, by_utility="utility" in by)
    items = [
        schemas.SpendingPart(
            month=month,
            utility=utility,
            payments=payments,
            paid_fen=paid_fen,
            refunded_fen=refunded_fen,
            net_fen=paid_fen - refunded_fen,
            late_fee_fen=late_fee_fen,
        )
        for month, utility, payments, paid_fen, refunded_fen, late_fee_fen in rows
    ]
    total = sum(item.net_fen for item in items)
    return schemas.Spending(first_month=_month_text(first), last_month=_month_text(last), items=items, net_fen=total)


async def usage_of(tx: AsyncSession, person_id: UUID, first: date | None, last: date | None) -> schemas.Usage:
    """What was used on a person's accounts, month by month, beside the year before.

    Raises:
        PeriodBackwards, PeriodTooLong
    """
    first, last = await _period(tx, first, last)
    used = await queries.used(tx, person_id, next_month(first, -12), last)
    kinds = await queries.kinds_of(tx, {account.provider_id for account in used})
    months = [next_month(first, number) for number in range(_months_from(first, last))]
    accounts = [
        schemas.UsageOfAccount(
            provider_id=account.provider_id,
            account_number=account.number,
            utility=kinds.get(account.provider_id),
            months=[_month(month, by_month) for month in months],
        )
        for account, by_month in used.items()
    ]
    return schemas.Usage(first_month=_month_text(first), last_month=_month_text(last), accounts=accounts)


def _month(month: date, used: dict[date, Used]) -> schemas.UsageOfMonth:
    now, before = used.get(month), used.get(next_month(month, -12))
    return schemas.UsageOfMonth(
        month=_month_text(month),
        usage=now.usage if now else None,
        billed_fen=now.billed_fen if now else None,
        last_year_usage=before.usage if before else None,
        last_year_billed_fen=before.billed_fen if before else None,
    )


async def _period(tx: AsyncSession, first: date | None, last: date | None) -> tuple[date, date]:
    """The months that are meant: by default the twelve up to the present one in China."""
    if last is None:
        this_month = (await today_of(tx)).replace(day=1)
        last = this_month if first is None else max(this_month, first)
    first = first or next_month(last, 1 - _USUAL_MONTHS)
    check_period(first, last)
    if _months_from(first, last) > MOST_MONTHS:
        raise PeriodTooLong(most_months=MOST_MONTHS)
    return first, last


def _months_from(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month + 1


def _month_text(month: date) -> str:
    return f"{month:%Y-%m}"
