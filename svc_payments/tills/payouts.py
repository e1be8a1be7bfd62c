"""Refunds of what was paid at a counter: cash from the drawer, or a card by the terminal beside it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import Database
from chassis.idempotency import Once
from chassis.problems import Problem
from kit.calendar import database_time
from svc_payments.amounts import money
from svc_payments.collection.data_reads.service import REFUNDS, record_read
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds import fallbacks, transitions
from svc_payments.collection.refunds.models import Refund
from svc_payments.oversight.audit import service as audit
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from svc_payments.tills import queries, schemas, service
from svc_payments.tills.models import TillPayout, TillSession
from svc_payments.tills.payout_proofs import service as proofs


class NotEnoughInDrawer(Problem):
    status, code = 409, "not_enough_in_drawer"


class TerminalReferenceNeeded(Problem):
    """A card payment is refunded over the terminal, and its slip has a number."""

    status, code = 422, "terminal_reference_needed"


@dataclass(frozen=True)
class Place:
    """Which clerk stands at which till with which refund."""

    caller: Caller
    session_id: UUID
    refund_number: str


async def look_up_refund(
    tx: AsyncSession, caller: Caller, session_id: UUID, refund_number: str, settings: Settings
) -> schemas.RefundAtCounter:
    """A refund that waits for its payer at a counter. The read is audited.

    Raises:
        NotFound, TillSessionNotOpen: as `service.lock_own`.
        NotFound, IllegalMove: no refund of this number waits at a counter.
    """
    await service.lock_own(tx, caller, session_id)
    refund, payment = await fallbacks.lock_at_counter(tx, refund_number)
    of, at = [payment.person_id], str(session_id)
    await record_read(
        tx, caller, "look_up_refund", refund.id, of=of, data=[REFUNDS], roles=[service.CLERK], till_session_id=at
    )
    return _shown(refund, payment, needs_approval=await proofs.needs_approval(tx, refund, settings))


async def pay_out_once(
    database: Database, once: Once, place: Place, payout: schemas.Payout, settings: Settings
) -> schemas.RefundAtCounter:
    """Check the payer's proof, then pay out: a wrong code stays counted although its request is refused.

    Raises:
        WrongPayoutCode, and what `pay_out` raises
    """
    async with database.transaction() as tx:
        await once.claim(tx, place.caller)
        session, refund, payment = await _lock(tx, place)
        proven = await proofs.prove(tx, session, refund, payment, payout, settings)
    if isinstance(proven, Problem):
        raise proven
    async with database.transaction() as tx:
        return await once.do(tx, place.caller, pay_out(tx, place, payout, settings))


async def pay_out(
    tx: AsyncSession, place: Place, payout: schemas.Payout, settings: Settings
) -> schemas.RefundAtCounter:
    """Pay a refund out to its payer, once.

    Raises:
        NotFound, TillSessionNotOpen: as `service.lock_own`.
        NotFound, IllegalMove: no refund of this number waits at a counter, or it has been paid out.
        SecondPersonNeeded: it is the clerk's own money, or they decided on it.
        PayerProofNeeded, PayoutCodeNotValid, PayoutApprovalNeeded, WrongPayoutCode: the payer is not proven.
        NotEnoughInDrawer, TerminalReferenceNeeded
    """
    session, refund, payment = await _lock(tx, place)
    proven = await proofs.prove(tx, session, refund, payment, payout, settings)
    if isinstance(proven, Problem):
        raise proven
    cash_fen = refund.amount_fen if payment.channel == ChannelName.CASH else 0
    if cash_fen > (drawer_fen := await queries.in_drawer_fen(tx, session)):
        raise NotEnoughInDrawer(**money(drawer=drawer_fen, amount=cash_fen))
    if not cash_fen and payout.retrieval_number is None:
        raise TerminalReferenceNeeded
    needs_approval = await proofs.needs_approval(tx, refund, settings)
    by = {"proof": proven.proof, "approved_by": proven.approved_by}
    tx.add(TillPayout(refund_id=refund.id, till_session_id=session.id, cash_fen=cash_fen, **by))
    await audit.record(
        tx, place.caller, "pay_out_refund", refund.id, till_session_id=str(session.id), proof=proven.proof
    )
    reference = payout.retrieval_number or refund.id.hex
    await transitions.refunded(tx, refund, payment, reference, await database_time(tx))
    return _shown(refund, payment, needs_approval=needs_approval)


async def _lock(tx: AsyncSession, place: Place) -> tuple[TillSession, Refund, Payment]:
    session = await service.lock_own(tx, place.caller, place.session_id)
    refund, payment = await fallbacks.lock_at_counter(tx, place.refund_number)
    await proofs.require_uninvolved(tx, place.caller, refund, payment)
    return session, refund, payment


def _shown(refund: Refund, payment: Payment, *, needs_approval: bool) -> schemas.RefundAtCounter:
    return schemas.RefundAtCounter(
        refund_number=refund.number,
        payment_id=payment.id,
        channel=payment.channel,
        amount_fen=refund.amount_fen,
        status=refund.status,
        needs_approval=needs_approval,
    )
