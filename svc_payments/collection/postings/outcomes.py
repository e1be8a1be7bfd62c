"""Applies a provider's answer to a posting or a cancellation."""

from datetime import timedelta

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.telemetry import log
from kit.calendar import database_time
from svc_payments.billing.terms.service import terms_of
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.payments.payment_state import bill_booked
from svc_payments.collection.postings.card_writes import keep_prepaid
from svc_payments.collection.postings.leasing import Try, still_ours
from svc_payments.collection.postings.models import Posting, PostingStatus
from svc_payments.collection.postings.provider import Booked, Cancelled, NotHeard, Outcome, Refused
from svc_payments.collection.postings.service import begin_cancellation
from svc_payments.collection.refunds import automatic_refunds, transitions
from svc_payments.oversight.incidents import service as incidents
from svc_payments.oversight.incidents.models import IncidentKind


async def apply_outcome(tx: AsyncSession, each: Try, outcome: Outcome, pause: timedelta) -> bool:
    """Apply the outcome of a try; retry after the pause if it settles nothing. Returns whether the lease held."""
    posting = await still_ours(tx, each, PostingStatus.SENDING)
    if posting is None:
        return False
    match outcome:
        case Booked():
            await _book(tx, posting, await payments.lock(tx, posting.payment_id), outcome)
        case Refused(reason=reason):
            payment = await payments.lock(tx, posting.payment_id)
            posting.refusal = reason
            await _settle(tx, posting, PostingStatus.REFUSED)
            await automatic_refunds.return_refused(tx, payment, posting)
        case _:
            log.warning("posting_not_settled", posting_id=str(posting.id), tries=each.number, outcome=str(outcome))
            # An outcome that an earlier try left unknown stays unknown when this one does not get through.
            not_received = isinstance(outcome, NotHeard) and not each.ask_first
            if await _time_is_over(tx, posting):
                await begin_cancellation(tx, posting)
            else:
                posting.move_to(PostingStatus.PENDING if not_received else PostingStatus.UNKNOWN)
                posting.try_at = func.now() + pause
    return True


async def apply_cancellation(tx: AsyncSession, each: Try, outcome: Outcome, pause: timedelta) -> bool:
    """Apply the outcome of sending a cancellation. Returns whether the lease still held.

    A posting without an answer in time gets one cancellation try. If that is not answered either, its money is
    refunded, and the cancellation is sent until it is answered.
    """
    posting = await still_ours(tx, each, PostingStatus.CANCELLING)
    if posting is None:
        return False
    payment = await payments.lock(tx, posting.payment_id)
    was_booked = posting.provider_reference is not None
    match outcome:
        case Booked() if was_booked:
            posting.move_to(PostingStatus.BOOKED)
            await transitions.booking_kept(tx, posting, payment)
        case Booked(reference=reference) if posting.given_up_at:
            posting.provider_reference = reference
            await _settle(tx, posting, PostingStatus.KEPT)
            kind, amount_fen = IncidentKind.BOOKED_AFTER_REVERSAL, posting.amount_fen
            await incidents.record(tx, kind, posting.id, payment_id=str(payment.id), amount_fen=amount_fen)
        case Booked():
            await _book(tx, posting, payment, outcome)
        case Cancelled():
            await _settle(tx, posting, PostingStatus.CANCELLED)
            if was_booked:
                await transitions.unbooked(tx, posting, payment)
            elif not posting.given_up_at:
                await _give_up(tx, posting, payment)
        case _:
            log.warning("cancellation_not_settled", posting_id=str(posting.id), tries=each.number, outcome=str(outcome))
            posting.try_at = func.now() + pause
            if not was_booked and not posting.given_up_at:
                await _give_up(tx, posting, payment)
    return True


async def _time_is_over(tx: AsyncSession, posting: Posting) -> bool:
    """Whether the provider has left a posting unanswered for longer than its terms allow."""
    limit = timedelta(seconds=(await terms_of(tx, posting.provider_id)).posting_limit_seconds)
    return posting.created_at + limit <= await database_time(tx)


async def _book(tx: AsyncSession, posting: Posting, payment: Payment, booked: Booked) -> None:
    posting.provider_reference = booked.reference
    if booked.prepaid:
        await keep_prepaid(tx, posting, booked.prepaid)
    await _settle(tx, posting, PostingStatus.BOOKED)
    await bill_booked(tx, payment, posting)


async def _give_up(tx: AsyncSession, posting: Posting, payment: Payment) -> None:
    posting.given_up_at = await database_time(tx)
    await automatic_refunds.return_unanswered(tx, payment, posting)


async def _settle(tx: AsyncSession, posting: Posting, status: PostingStatus) -> None:
    posting.move_to(status)
    posting.settled_at = await database_time(tx)
    await tx.flush()
