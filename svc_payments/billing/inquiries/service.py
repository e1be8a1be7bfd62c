"""Which request queries the provider about an account, and what residents see of the answer."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.problems import NotFound, Problem
from kit.calendar import database_time
from svc_payments.billing.bills import account_bills
from svc_payments.billing.bills.account_bills import NothingDue
from svc_payments.billing.bills.models import Bill, BillKind, BillStatus
from svc_payments.billing.bills.queries import visible_to
from svc_payments.billing.bills.service import show_bills
from svc_payments.billing.inquiries import schemas
from svc_payments.billing.inquiries.answers import PendingInquiry
from svc_payments.billing.inquiries.models import BillInquiry, Result
from svc_payments.billing.terms.service import terms_of
from svc_payments.billing.terms.terms import BillSource
from svc_payments.parties.accounts.queries import is_bound
from svc_payments.parties.providers.account_numbers import require_number_of
from svc_payments.parties.providers.models import Provider
from svc_payments.parties.providers.refusals import PaymentUnfinished, ProviderClosed, refusal_of
from svc_payments.parties.providers.service import require_connected

_ROLES = ("owner", "family", "tenant")
_SILENCE = timedelta(seconds=5)
"""How long a provider that did not answer is not queried again."""


class InquiryNotOffered(Problem):
    """The provider offers no live query: it sends its bills, or sells top-ups."""

    status, code = 422, "inquiry_not_offered"


@dataclass(frozen=True)
class Turn:
    """The query that answers a request: the caller's own to send, or a recent one of another person."""

    pending: PendingInquiry
    provider: Provider
    own: bool


async def begin(
    tx: AsyncSession, person_id: UUID, new: schemas.NewBillInquiry, *, lease: timedelta, memory: timedelta
) -> Turn:
    """Decide whether to query the provider, and lease the account for the query.

    Args:
        tx: the transaction.
        person_id: who wants to know; bound to the account.
        new: which account.
        lease: for how long an answer is waited for.
        memory: how long an answer is reused for repeated queries.

    Raises:
        BadAccountNumber, BadAccountCheckDigit: no account of this provider has such a number.
        NotFound: the person is not bound to the account.
        InquiryNotOffered: this provider is not pending.
        ProviderClosed: it would answer nothing now.
        ProviderSuspended
    """
    if not await is_bound(tx, person_id, new.provider_id, new.account_number, _ROLES):
        await require_number_of(tx, new.provider_id, new.account_number)
        raise NotFound
    provider = await tx.get(Provider, new.provider_id)
    if provider is None:
        raise NotFound
    await require_connected(tx, new.provider_id)
    terms, moment = await terms_of(tx, new.provider_id), await database_time(tx)
    if BillSource.INQUIRY not in terms.bill_sources:
        raise InquiryNotOffered
    if terms.closed_hours and (reopens_at := terms.closed_hours.reopens_at(moment)):
        raise ProviderClosed(moment, reopens_at)
    last = await _lock(tx, new.provider_id, new.account_number, moment)
    own = not _counts(last, moment, lease, memory)
    if own:
        last.inquiry_id, last.asked_at, last.answered_at, last.result = new_id(), moment, None, None
    return Turn(PendingInquiry(last.inquiry_id, new.provider_id, new.account_number), provider, own)


async def _lock(tx: AsyncSession, provider_id: UUID, account_number: str, moment: datetime) -> BillInquiry:
    """The account's last query, locked; for an account never queried, a placeholder in the past."""
    account = {"provider_id": provider_id, "account_number": account_number}
    never = {"inquiry_id": new_id(), "asked_at": moment - timedelta(days=1)}
    asked = insert(BillInquiry).values(**account, **never)
    # It locks a row that is there: retention deletes old ones at any moment.
    await tx.execute(asked.on_conflict_do_update(index_elements=[*account], set_=account))
    return await tx.get_one(BillInquiry, (provider_id, account_number), with_for_update=True, populate_existing=True)


def _counts(last: BillInquiry, moment: datetime, lease: timedelta, memory: timedelta) -> bool:
    """Whether the last question serves for this one too."""
    if last.answered_at is None:
        return moment < last.asked_at + lease
    return moment < last.answered_at + (min(memory, _SILENCE) if last.result == Result.NO_ANSWER else memory)


async def settle(tx: AsyncSession, pending: PendingInquiry, result: Result) -> bool:
    """Record the outcome of a query. Returns whether it is still the latest; if not, its answer is dropped."""
    key = (pending.provider_id, pending.account_number)
    last = await tx.get_one(BillInquiry, key, with_for_update=True, populate_existing=True)
    if last.inquiry_id != pending.inquiry_id or last.answered_at is not None:
        return False
    last.answered_at, last.result = await database_time(tx), result
    return True


async def is_answered(tx: AsyncSession, pending: PendingInquiry) -> bool:
    last = await tx.get_one(BillInquiry, (pending.provider_id, pending.account_number))
    return last.answered_at is not None or last.inquiry_id != pending.inquiry_id


async def show(tx: AsyncSession, person_id: UUID, pending: PendingInquiry) -> schemas.BillInquiry:
    """The last answer, for a person bound to the account.

    Raises:
        NothingDue, NoSuchAccount, ProviderClosed, NotPayableOnline, PaymentUnfinished, ProviderTimedOut,
            ProviderAnswerUnusable: there is nothing to pay now.
    """
    last = await tx.get_one(BillInquiry, (pending.provider_id, pending.account_number))
    if last.result not in {Result.DUE, Result.NOTHING_DUE}:
        raise refusal_of(last.result, await database_time(tx))
    account = (pending.provider_id, pending.account_number)
    own = (visible_to(person_id), Bill.kind == BillKind.REGULAR)
    due = await account_bills.of_account(tx, *account, *own, locked=False)
    if not due:
        booking = exists().where(Bill.provider_id == account[0], Bill.account_number == account[1], *own)
        being_booked = await tx.scalar(select(booking.where(Bill.status == BillStatus.PAID)))
        # The provider may name a bill until it has booked the payment that it does not know of yet.
        raise PaymentUnfinished if being_booked else NothingDue
    return schemas.BillInquiry(
        provider_id=pending.provider_id,
        account_number=pending.account_number,
        asked_at=last.asked_at,
        bills=await show_bills(tx, due),
    )
