from uuid import UUID

from fastapi import APIRouter

from chassis.db import Tx
from chassis.idempotency import OnceKey
from svc_payments.parties.callers import PayingResident
from svc_payments.settings import TheSettings
from svc_payments.tills.callers import RefundNumber, Supervisor
from svc_payments.tills.payout_proofs import schemas, service
from svc_payments.tills.schemas import WithReason

router = APIRouter(prefix="/payments/v1", tags=["tills"])


@router.post("/refunds/{refund_id}/payout-code", status_code=201)
async def issue_payout_code(
    tx: Tx, caller: PayingResident, once: OnceKey, settings: TheSettings, refund_id: UUID
) -> schemas.PayoutCode:
    """Issue a one-time code with which the caller collects a refund at a counter.

    It replaces an earlier code. The payer shows it to the clerk, who enters it.
    """
    return await once.do(tx, caller, service.issue_code(tx, caller, refund_id, settings))


@router.post("/till-sessions/{till_session_id}/refunds/{refund_number}/approve-payout", status_code=201)
async def approve_payout(
    tx: Tx,
    caller: Supervisor,
    once: OnceKey,
    settings: TheSettings,
    till_session_id: UUID,
    refund_number: RefundNumber,
    body: WithReason,
) -> schemas.PayoutApproval:
    """Approve that the clerk of a till session pays a refund out.

    Needed above the limit, and for a payer without the app, whose identity document and receipt the supervisor checks.
    """
    work = service.approve(tx, caller, till_session_id, refund_number, body.reason, settings)
    return await once.do(tx, caller, work)
