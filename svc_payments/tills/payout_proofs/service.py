"""Who may pay a refund out at a counter, and how its payer proves themselves there.

A resident shows a one-time code from their app. A payer without a phone shows the receipt, and a supervisor, who has
seen them and their identity document, approves. Above the limit a supervisor approves in any case.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import NotFound, Problem
from kit.approvals import require_second_person
from kit.calendar import database_time
from svc_payments.amounts import money
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.refunds import approvals, fallbacks
from svc_payments.collection.refunds.models import Refund, RefundStatus
from svc_payments.documents.receipts.service import is_code_of
from svc_payments.oversight.audit import service as audit
from svc_payments.settings import Settings
from svc_payments.tills import service
from svc_payments.tills.models import SessionStatus, TillPayout, TillSession
from svc_payments.tills.payout_proofs import schemas
from svc_payments.tills.payout_proofs.models import MOST_WRONG, PayoutApproval, PayoutCode, Proof
from svc_payments.tills.schemas import Payout


class RefundNotAtCounter(Problem):
    """Only a refund that waits at a counter is paid out there."""

    status, code = 409, "refund_not_at_counter"


class PayerProofNeeded(Problem):
    """Neither the code from the payer's app nor the one on the receipt was given."""

    status, code = 422, "payer_proof_needed"


class PayoutCodeNotValid(Problem):
    """There is no code, or it has expired, or was guessed at too often: the payer gets a new one in the app."""

    status, code = 409, "payout_code_not_valid"


class PayoutApprovalNeeded(Problem):
    """A supervisor of the counter has to approve first, or again."""

    status, code = 409, "payout_approval_needed"


class WrongPayoutCode(Problem):
    status, code = 422, "wrong_payout_code"


@dataclass(frozen=True)
class Proven:
    proof: Proof
    approved_by: UUID | None


async def issue_code(tx: AsyncSession, caller: Caller, refund_id: UUID, settings: Settings) -> schemas.PayoutCode:
    """A new code for the payer of a refund that waits at a counter.

    Raises:
        NotFound: there is no such refund, or the caller is not its payer.
        RefundNotAtCounter
    """
    refund, payment = await approvals.lock(tx, refund_id)
    if payment.person_id != caller.id:
        raise NotFound
    if refund.status != RefundStatus.AT_COUNTER:
        raise RefundNotAtCounter(refund_status=refund.status)
    code = f"{secrets.randbelow(10**schemas.PAYOUT_DIGITS):0{schemas.PAYOUT_DIGITS}}"
    expires_at = await database_time(tx) + settings.payout_proof_lifetime
    issued = {"code_hash": _hash(refund.id, code), "expires_at": expires_at, "wrong": 0}
    row = insert(PayoutCode).values(refund_id=refund.id, **issued)
    await tx.execute(row.on_conflict_do_update(index_elements=[PayoutCode.refund_id], set_=issued))
    await audit.record(tx, caller, "issue_payout_code", refund.id)
    return schemas.PayoutCode(code=code, expires_at=expires_at)


async def approve(
    tx: AsyncSession, caller: Caller, session_id: UUID, refund_number: str, reason: str, settings: Settings
) -> schemas.PayoutApproval:
    """A supervisor lets the clerk of an open session pay a refund out.

    Raises:
        NotFound, OwnTillSession: as `service.lock_supervised`.
        TillSessionNotOpen
        NotFound, IllegalMove: no refund of this number waits at a counter.
        SecondPersonNeeded: the supervisor is the payer, or has decided on the refund.
    """
    session = await service.lock_supervised(tx, caller, session_id)
    if session.status != SessionStatus.OPEN:
        raise service.TillSessionNotOpen(session_status=session.status)
    refund, payment = await fallbacks.lock_at_counter(tx, refund_number)
    await require_uninvolved(tx, caller, refund, payment)
    given = {
        "till_session_id": session.id,
        "clerk_id": session.clerk_id,
        "approved_by": caller.id,
        "expires_at": await database_time(tx) + settings.payout_proof_lifetime,
        "wrong": 0,
    }
    row = insert(PayoutApproval).values(refund_id=refund.id, **given)
    await tx.execute(row.on_conflict_do_update(index_elements=[PayoutApproval.refund_id], set_=given))
    await audit.record(tx, caller, "approve_payout", refund.id, reason=reason, till_session_id=str(session.id))
    return schemas.PayoutApproval(refund_number=refund.number, amount_fen=refund.amount_fen, **given)


async def require_uninvolved(tx: AsyncSession, caller: Caller, refund: Refund, payment: Payment) -> None:
    """Refuse staff whose money it is, and those who decided that it goes back.

    Raises:
        SecondPersonNeeded
    """
    await approvals.require_not_payer(tx, caller, payment)
    require_second_person(caller.id, refund.requested_by, refund.proposed_by, refund.approved_by)


async def prove(
    tx: AsyncSession, session: TillSession, refund: Refund, payment: Payment, payout: Payout, settings: Settings
) -> Proven | WrongPayoutCode:
    """Check the proof that a clerk enters for a locked refund.

    Returns:
        What was proven; or the refusal of a wrong code, which is counted: commit it before it is raised.

    Raises:
        PayerProofNeeded, PayoutCodeNotValid, PayoutApprovalNeeded
    """
    moment = await database_time(tx)
    approval = await _approval(tx, session, refund, moment)
    if payout.payout_code is not None:
        if approval is None and await needs_approval(tx, refund, settings):
            raise PayoutApprovalNeeded(**money(limit=settings.payout_supervisor_fen))
        code = await _code(tx, refund, moment)
        if not hmac.compare_digest(code.code_hash, _hash(refund.id, payout.payout_code)):
            return await _count(tx, session, refund, code)
        return Proven(Proof.PAYOUT_CODE, approval.approved_by if approval else None)
    if payout.receipt_code is None:
        raise PayerProofNeeded
    if approval is None:
        raise PayoutApprovalNeeded(**money(limit=settings.payout_supervisor_fen))
    if not await is_code_of(tx, payment.id, payout.receipt_code):
        return await _count(tx, session, refund, approval)
    return Proven(Proof.RECEIPT_CODE, approval.approved_by)


async def needs_approval(tx: AsyncSession, refund: Refund, settings: Settings) -> bool:
    """Whether a supervisor has to approve a payout whatever the payer shows; parts of one payment count together."""
    before = (
        select(func.coalesce(func.sum(Refund.amount_fen), 0))
        .join(TillPayout, TillPayout.refund_id == Refund.id)
        .where(Refund.payment_id == refund.payment_id)
    )
    return int(await tx.scalar(before) or 0) + refund.amount_fen > settings.payout_supervisor_fen


async def _approval(tx: AsyncSession, session: TillSession, refund: Refund, moment: datetime) -> PayoutApproval | None:
    query = select(PayoutApproval).where(
        PayoutApproval.refund_id == refund.id,
        PayoutApproval.till_session_id == session.id,
        PayoutApproval.expires_at > moment,
        PayoutApproval.wrong < MOST_WRONG,
    )
    return (await tx.scalars(query.with_for_update().execution_options(populate_existing=True))).one_or_none()


async def _code(tx: AsyncSession, refund: Refund, moment: datetime) -> PayoutCode:
    query = select(PayoutCode).where(
        PayoutCode.refund_id == refund.id, PayoutCode.expires_at > moment, PayoutCode.wrong < MOST_WRONG
    )
    code = (await tx.scalars(query.with_for_update().execution_options(populate_existing=True))).one_or_none()
    if code is None:
        raise PayoutCodeNotValid
    return code


async def _count(
    tx: AsyncSession, session: TillSession, refund: Refund, proof: PayoutCode | PayoutApproval
) -> WrongPayoutCode:
    proof.wrong += 1
    await audit.record(
        tx, None, "refuse_payout_code", refund.id, till_session_id=str(session.id), clerk=str(session.clerk_id)
    )
    return WrongPayoutCode(tries_left=MOST_WRONG - proof.wrong)


def _hash(refund_id: UUID, code: str) -> bytes:
    return hashlib.sha256(refund_id.bytes + code.encode()).digest()
