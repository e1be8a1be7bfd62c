"""A person's payments: the list with its filters, and what an export shows of each."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from pydantic import Field
from sqlalchemy import ColumnElement, Select, exists, select

from chassis.db import CHINA
from chassis.problems import Problem
from chassis.text import NO_NUMBER
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.payments.models import Payment, PaymentLine, PaymentStatus
from svc_payments.parties.providers.account_numbers import AccountNumber
from svc_payments.parties.providers.models import Provider

_CLOCKS_APART = timedelta(hours=1)
_MOST_FEN = 10**15

Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31)), NO_NUMBER]
Fen = Annotated[int | None, Query(ge=0, le=_MOST_FEN)]


class PeriodBackwards(Problem):
    """The last day is before the first."""

    status, code = 422, "period_backwards"


@dataclass(frozen=True)
class Wanted:
    """Filters of payments; None does not filter."""

    first_day: date | None = None
    last_day: date | None = None
    statuses: tuple[PaymentStatus, ...] = ()
    provider_id: UUID | None = None
    kind: str | None = None
    account_number: str | None = None
    min_fen: int | None = None
    max_fen: int | None = None


async def _wanted(  # noqa: PLR0913, PLR0917 - each is a filter of its own
    first_day: Annotated[Day | None, Query(alias="from", description="The first day, in China.")] = None,
    last_day: Annotated[Day | None, Query(alias="to", description="The last day, in China.")] = None,
    status: Annotated[list[PaymentStatus] | None, Query(max_length=20)] = None,
    provider_id: UUID | None = None,
    kind: Annotated[
        str | None, Query(pattern="^[a-z_]{1,32}$", description="The kind of utility: water, gas, …")
    ] = None,
    account_number: AccountNumber | None = None,
    min_fen: Fen = None,
    max_fen: Fen = None,
) -> Wanted:
    check_period(first_day, last_day)
    return Wanted(first_day, last_day, tuple(status or ()), provider_id, kind, account_number, min_fen, max_fen)


WantedPayments = Annotated[Wanted, Depends(_wanted)]


def check_period(first_day: date | None, last_day: date | None) -> None:
    if first_day and last_day and last_day < first_day:
        raise PeriodBackwards(first_day=str(first_day), last_day=str(last_day))


def payments_of(person_id: UUID, wanted: Wanted) -> Select[Payment]:
    """A person's payments as they are wanted, to be paged by id, newest first.

    Everything is found through the index of (person, id): a person with many payments names a period.
    """
    return select(Payment).where(Payment.person_id == person_id, *_conditions(wanted))


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.first_day:
        begin = beginning_of(wanted.first_day)
        conditions += [Payment.created_at >= begin, Payment.id >= _earliest_id(begin - _CLOCKS_APART)]
    if wanted.last_day:
        end = beginning_of(wanted.last_day + timedelta(days=1))
        conditions += [Payment.created_at < end, Payment.id < _earliest_id(end + _CLOCKS_APART)]
    if wanted.statuses:
        conditions.append(Payment.status.in_(wanted.statuses))
    if wanted.provider_id:
        conditions.append(Payment.provider_id == wanted.provider_id)
    if wanted.kind:
        of_kind = select(Provider.provider_id).where(Provider.kind == wanted.kind)
        conditions.append(Payment.provider_id.in_(of_kind))
    if wanted.account_number:
        conditions.append(_pays_for(wanted.account_number))
    if wanted.min_fen is not None:
        conditions.append(Payment.amount_fen >= wanted.min_fen)
    if wanted.max_fen is not None:
        conditions.append(Payment.amount_fen <= wanted.max_fen)
    return conditions


def beginning_of(day: date) -> datetime:
    """The moment at which a day begins in China."""
    return datetime.combine(day, time.min, CHINA)


def _earliest_id(moment: datetime) -> UUID:
    """The least UUIDv7 of a moment: ids are made in the order of time, by clocks that may differ a little."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def _pays_for(account_number: str) -> ColumnElement[bool]:
    line = exists().where(PaymentLine.payment_id == Payment.id, PaymentLine.bill_id == Bill.id)
    return line.where(Bill.account_number == account_number)
