"""Top-ups without a bill: what the terms offer, what the provider allows, and the payment of it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import NotFound, Problem
from kit.calendar import database_time, today_of
from kit.invariants import InvariantBrokenError
from svc_payments.amounts import in_digits, money
from svc_payments.billing.bills.account_bills import Made
from svc_payments.billing.bills.models import BillKind
from svc_payments.billing.terms import service as payment_terms
from svc_payments.billing.terms.terms import TopUp, TopUpAccounts
from svc_payments.collection.payments import schemas as payment_schemas
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.allocation import AbovePurchasable, Plan
from svc_payments.collection.top_ups import schemas
from svc_payments.collection.top_ups.models import Result, TopUpValidation
from svc_payments.parties.accounts.queries import is_bound
from svc_payments.parties.providers.account_numbers import require_number_of
from svc_payments.parties.providers.models import Provider
from svc_payments.parties.providers.refusals import NotPayableOnline, ProviderClosed, refusal_of
from svc_payments.parties.providers.service import require_connected

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_MOST_IN_A_MINUTE = 20
_MOST_UNKNOWN_IN_A_DAY = 10
_KEPT = timedelta(days=30)


class TopUpNotOffered(Problem):
    status, code = 422, "top_up_not_offered"


class NotPurchasable(Problem):
    """Not an amount on sale; what is on sale is named."""

    status, code = 422, "not_purchasable"


class TooManyValidations(Problem):
    """Keeps callers from finding accounts by trying numbers."""

    status, code = 429, "too_many_validations"

    def __init__(self, wait: timedelta) -> None:
        super().__init__(minutes=wait // _MINUTE)
        self.headers = {"Retry-After": f"{int(wait.total_seconds())}"}


@dataclass(frozen=True)
class Validation:
    """A query that is committed before it is sent."""

    record: TopUpValidation
    provider: Provider
    plan: Plan
    bound: bool
    """Whether the account is one of the caller's own."""


async def begin(tx: AsyncSession, person_id: UUID, wanted: schemas.TopUpChoice) -> Validation:
    """Check that the terms sell this, and record the query.

    Raises:
        NotFound: there is no such provider, or the person is not bound to the account and would have to be.
        TopUpNotOffered, NotPurchasable, AbovePurchasable: the terms do not sell it.
        BadAccountNumber, BadAccountCheckDigit: no account of this provider has such a number.
        ProviderClosed: the provider does not answer at this hour.
        TooManyValidations: the person has sent too many queries.
        ProviderSuspended
    """
    provider = await tx.get(Provider, wanted.provider_id)
    if provider is None:
        raise NotFound
    await require_connected(tx, wanted.provider_id)
    bound = await is_bound(tx, person_id, wanted.provider_id, wanted.account_number)
    plan = await _plan(tx, wanted, bound=bound)
    moment = await database_time(tx)
    closed = plan.terms.closed_hours
    if closed and (reopens_at := closed.reopens_at(moment)):
        raise ProviderClosed(moment, reopens_at)
    await _require_tries_left(tx, person_id, bound=bound)
    record = TopUpValidation(
        person_id=person_id,
        provider_id=wanted.provider_id,
        account_number=wanted.account_number,
        amount_fen=wanted.amount_fen,
        asked_at=moment,
    )
    tx.add(record)
    await tx.flush()
    return Validation(record, provider, plan, bound)


async def _plan(tx: AsyncSession, wanted: schemas.TopUpChoice, *, bound: bool) -> Plan:
    terms, day = await payment_terms.terms_of(tx, wanted.provider_id), await today_of(tx)
    if terms.top_up is None:
        raise TopUpNotOffered
    await require_number_of(tx, wanted.provider_id, wanted.account_number)
    if not bound and terms.top_up.accounts != TopUpAccounts.ANY:
        raise NotFound
    _require_on_sale(terms.top_up, wanted.amount_fen)
    made = Made(BillKind.TOP_UP, wanted.provider_id, wanted.account_number, wanted.amount_fen, day)
    return Plan(wanted.provider_id, terms, lines=[], made=made)


def _require_on_sale(offer: TopUp, amount_fen: int) -> None:
    if amount_fen > offer.largest_fen:
        raise AbovePurchasable(**money(most=offer.largest_fen))
    if not offer.sells(amount_fen):
        raise NotPurchasable(**_on_sale(offer))


def _on_sale(offer: TopUp) -> dict[str, Any]:
    """The amounts on sale, to choose from and to read."""
    if offer.amounts_fen:
        return {"amounts_fen": offer.amounts_fen, "on_sale": [in_digits(each) for each in offer.amounts_fen]}
    least_fen, most_fen = offer.least_fen or 0, offer.most_fen or 0
    named = {"least_fen": least_fen, "most_fen": most_fen, "step_fen": offer.step_fen}
    return {**named, "on_sale": [f"{in_digits(least_fen)} – {in_digits(most_fen)} (+ {in_digits(offer.step_fen)})"]}


async def _require_tries_left(tx: AsyncSession, person_id: UUID, *, bound: bool) -> None:
    # Serialises a person's queries, or concurrent ones could exceed the limits.
    lock = func.hashtextextended(f"top-ups of {person_id}", 0)
    await tx.execute(select(func.pg_advisory_xact_lock(lock)))
    moment = await database_time(tx)
    unknown = func.count().filter(TopUpValidation.result == Result.NO_ACCOUNT)
    lately = func.count().filter(TopUpValidation.asked_at > moment - _MINUTE)
    # One that is under way may find no account either; in a minute it is answered, or its process has died.
    under_way = func.count().filter(TopUpValidation.result.is_(None), TopUpValidation.asked_at > moment - _MINUTE)
    counted = select(unknown, lately, under_way).where(
        TopUpValidation.person_id == person_id, TopUpValidation.asked_at > moment - _DAY
    )
    unknown_in_a_day, in_a_minute, unanswered = (await tx.execute(counted)).one()
    if unknown_in_a_day >= _MOST_UNKNOWN_IN_A_DAY:
        raise TooManyValidations(_DAY)
    probing = not bound and unknown_in_a_day + unanswered >= _MOST_UNKNOWN_IN_A_DAY
    if in_a_minute >= _MOST_IN_A_MINUTE or probing:
        raise TooManyValidations(_MINUTE)


async def settle(
    tx: AsyncSession, validation: Validation, result: Result, most_fen: int | None = None
) -> Problem | None:
    """Record the provider's answer; returns the refusal, if any, to raise after the commit."""
    record = await tx.get_one(TopUpValidation, validation.record.id, with_for_update=True)
    record.result = result
    match result:
        case Result.ACCEPTED:
            return None
        case Result.NOT_PURCHASABLE:
            offer = validation.plan.terms.top_up
            if offer is None:
                raise InvariantBrokenError("a validated top-up is not offered")
            return NotPurchasable(**_on_sale(offer))
        case Result.ABOVE_PURCHASABLE:
            return AbovePurchasable(**money(most=most_fen or 0))
        # Another person's payment is not disclosed.
        case Result.PAYMENT_UNFINISHED if not validation.bound:
            return NotPayableOnline()
        case _:
            return refusal_of(result, await database_time(tx))


async def create(
    tx: AsyncSession, person_id: UUID, new: schemas.NewTopUp, lifetime: timedelta
) -> payment_schemas.Payment:
    """Make the bill of a top-up that the provider has just allowed, and the payment that takes it.

    Several may be open for one account: what is bought is not owed, so they do not exclude each other.

    Raises:
        NotFound, TopUpNotOffered, NotPurchasable, AbovePurchasable: the terms have changed meanwhile.
        ChannelNotAccepted, OutsideChannelLimits: they do not let it be paid over this channel.
    """
    bound = await is_bound(tx, person_id, new.provider_id, new.account_number)
    plan = await _plan(tx, new, bound=bound)
    expires_at = await database_time(tx) + lifetime
    return payment_schemas.shown(await payments.begin(tx, person_id, plan, new.channel, expires_at))


async def forget_validations(tx: AsyncSession) -> None:
    """Drop old validations: who queried which account is not kept for ever."""
    old = TopUpValidation.asked_at < await database_time(tx) - _KEPT
    await tx.execute(delete(TopUpValidation).where(old))
