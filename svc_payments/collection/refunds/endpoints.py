from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from sqlalchemy import select

from chassis.auth import Caller
from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from kit.staff.reach import allow_of_whole
from svc_payments.collection.refunds import fallbacks, queries, schemas, service
from svc_payments.collection.refunds.models import WAITING_FOR_PEOPLE, Refund, RefundStatus
from svc_payments.parties.callers import PayingResident
from svc_payments.settings import TheSettings

router = APIRouter(prefix="/payments/v1", tags=["refunds"])

Operator = Annotated[Caller, Depends(allow_of_whole(scope="staff", role="operator"))]
STAFF = [Depends(allow_of_whole(scope="staff", role=("operator", "auditor")))]
Statuses = Annotated[list[RefundStatus] | None, Query(alias="status", max_length=len(RefundStatus))]


@router.post("/refunds", status_code=201)
async def request_refund(
    tx: Tx, caller: PayingResident, once: OnceKey, settings: TheSettings, body: schemas.NewRefundRequest
) -> schemas.Refunds:
    """Request a refund of one of the caller's payments.

    An operator decides. There is one refund for each bill.
    """
    return await once.do(tx, caller, service.request(tx, caller, body, settings.refund_expected))


@router.get("/refunds")
async def list_refunds(
    tx: ReadTx, caller: PayingResident, settings: TheSettings, page: PageQuery, payment_id: UUID | None = None
) -> Page[schemas.Refund]:
    """List the refunds of the caller's payments, newest first."""
    return await queries.own_refunds(tx, caller.id, payment_id, page, settings.refund_expected)


@router.get("/refunds/{refund_id}")
async def get_refund(tx: ReadTx, caller: PayingResident, settings: TheSettings, refund_id: UUID) -> schemas.Refund:
    """Get a refund of one of the caller's payments."""
    return await queries.own_refund(tx, caller.id, refund_id, settings.refund_expected)


@router.get("/refund-worklist", dependencies=STAFF)
async def list_refund_worklist(
    tx: ReadTx, settings: TheSettings, page: PageQuery, statuses: Statuses = None, payment_id: UUID | None = None
) -> Page[schemas.StaffRefund]:
    """List refunds that wait for a decision or a payout, oldest first.

    Or those in the given statuses.
    """
    query = select(Refund)
    if payment_id:
        query = query.where(Refund.payment_id == payment_id)
    if statuses or not payment_id:
        query = query.where(Refund.status.in_(statuses or WAITING_FOR_PEOPLE))
    return await queries.for_staff(tx, query, page, settings.refund_expected)


@router.post("/payments/{payment_id}/refunds", status_code=201)
async def refund_payment(
    tx: Tx, caller: Operator, once: OnceKey, settings: TheSettings, payment_id: UUID, body: schemas.NewRefund
) -> schemas.StaffRefunds:
    """Refund a payment, in full or in part.

    Above the limit it becomes a proposal that a second operator must approve.
    """
    return await once.do(tx, caller, service.refund_payment(tx, caller, payment_id, body, settings))


@router.post("/refunds/{refund_id}/approve")
async def approve_refund(
    tx: Tx, caller: Operator, once: OnceKey, settings: TheSettings, refund_id: UUID
) -> schemas.StaffRefund:
    """Approve a requested or proposed refund.

    Also pays out a refund whose posting the provider does not reverse.
    """
    return await once.do(tx, caller, service.approve(tx, caller, refund_id, settings))


@router.post("/refunds/{refund_id}/reject")
async def reject_refund(
    tx: Tx, caller: Operator, once: OnceKey, settings: TheSettings, refund_id: UUID, body: schemas.Rejection
) -> schemas.StaffRefund:
    """Reject a refund.

    The payer sees the reason.
    """
    return await once.do(tx, caller, service.reject(tx, caller, refund_id, body.reason, settings))


@router.post("/refunds/{refund_id}/retry", status_code=201)
async def retry_refund(
    tx: Tx, caller: Operator, once: OnceKey, settings: TheSettings, refund_id: UUID, body: schemas.NewWay
) -> schemas.StaffRefund:
    """Retry a failed refund, the same way or by bank transfer.

    The answer is the refund that replaces it.
    """
    return await once.do(tx, caller, fallbacks.retry(tx, caller, refund_id, body, settings))


@router.post("/refunds/{refund_id}/transferred")
async def confirm_refund_transfer(
    tx: Tx, caller: Operator, once: OnceKey, settings: TheSettings, refund_id: UUID, body: schemas.BankTransfer
) -> schemas.StaffRefund:
    """Confirm that the bank has transferred a refund.

    The operator who chose the bank transfer cannot confirm it.
    """
    return await once.do(tx, caller, fallbacks.transferred(tx, caller, refund_id, body, settings))


@router.post("/refunds/{refund_id}/cannot-be-paid")
async def fail_refund(
    tx: Tx, caller: Operator, once: OnceKey, settings: TheSettings, refund_id: UUID, body: schemas.Unpayable
) -> schemas.StaffRefund:
    """Mark a refund as failed that cannot be paid at a counter or by bank transfer.

    It can be retried another way.
    """
    return await once.do(tx, caller, fallbacks.cannot_be_paid(tx, caller, refund_id, body.reason, settings))
