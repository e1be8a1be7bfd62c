from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy import select

from chassis.auth import Caller, allow
from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.papers import PdfResponse
from svc_payments.billing.bills.schemas import Bill
from svc_payments.documents.receipts import service as receipts
from svc_payments.documents.receipts.endpoints import printed_for
from svc_payments.settings import TheSettings
from svc_payments.tills import payments as taking
from svc_payments.tills import payouts, report, schemas, service
from svc_payments.tills.models import TillSession
from svc_payments.tills.service import CLERK, OVERSEERS, SUPERVISOR

router = APIRouter(prefix="/payments/v1", tags=["tills"])

Clerk = Annotated[Caller, Depends(allow(role=CLERK, assurance_level=2))]
Supervisor = Annotated[Caller, Depends(allow(role=SUPERVISOR, assurance_level=2))]
RefundNumber = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
Reader = Annotated[Caller, Depends(allow(role=(CLERK, SUPERVISOR, *OVERSEERS)))]


@router.post("/till-sessions", status_code=201)
async def open_till_session(tx: Tx, caller: Clerk, once: OnceKey, body: schemas.NewTillSession) -> schemas.TillSession:
    """Open a till of the caller's counter, with the change in its drawer."""
    return await once.do(tx, caller, service.open_session(tx, caller, body))


@router.get("/till-sessions")
async def list_till_sessions(tx: ReadTx, caller: Reader, page: PageQuery) -> Page[schemas.TillSession]:
    """A clerk's own sessions, a supervisor's counter's, an auditor's or operator's all; newest first."""
    visible = select(TillSession).where(service.visible_to(caller))
    return await page_of(tx, visible, page, TillSession.id, schemas.shown, newest_first=True)


@router.get("/till-sessions/{till_session_id}")
async def get_till_session(tx: ReadTx, caller: Reader, till_session_id: UUID) -> schemas.TillReport:
    """A session with its totals by channel, what its drawer should hold, and its counts."""
    return await report.report_of(tx, await service.get_session(tx, caller, till_session_id))


@router.get("/till-sessions/{till_session_id}/payments")
async def list_till_payments(
    tx: ReadTx, caller: Reader, till_session_id: UUID, page: PageQuery
) -> Page[schemas.TillPayment]:
    """The payments of a session, in the order they were taken."""
    return await report.payments_of(tx, await service.get_session(tx, caller, till_session_id), page)


@router.get("/till-sessions/{till_session_id}/payments/{payment_id}/receipt.pdf", response_class=PdfResponse)
async def print_till_receipt(
    caller: Clerk,
    transactions: Transactions,
    settings: TheSettings,
    request: Request,
    till_session_id: UUID,
    payment_id: UUID,
) -> Response:
    """Print the receipt of a payment of the caller's session."""
    async with transactions.transaction() as tx:
        payment = await taking.payment_of(tx, caller, till_session_id, payment_id)
        receipt, code = await receipts.receipt_of(tx, payment), await receipts.code_of(tx, payment_id)
    return await printed_for(request, receipt, code, settings)


@router.get("/till-sessions/{till_session_id}/bills")
async def look_up_bills(
    tx: Tx,
    caller: Clerk,
    till_session_id: UUID,
    provider_id: UUID,
    account_number: Annotated[str, Query(pattern="^[0-9]{10}$")],
) -> list[Bill]:
    """What is to pay on an account, oldest first, for a payer at the counter. Every look is kept in the audit trail."""
    return await taking.look_up_bills(tx, caller, till_session_id, provider_id, account_number)


@router.post("/till-sessions/{till_session_id}/payments", status_code=201)
async def take_till_payment(
    tx: Tx, caller: Clerk, once: OnceKey, settings: TheSettings, till_session_id: UUID, body: schemas.NewTillPayment
) -> schemas.TillPayment:
    """Take a payment in cash or by card; with the money here it is captured at once and has its receipt."""
    return await once.do(tx, caller, taking.take_payment(tx, caller, till_session_id, body, settings))


@router.post("/till-sessions/{till_session_id}/payments/{payment_id}/capture")
async def capture_till_payment(
    tx: Tx,
    caller: Clerk,
    once: OnceKey,
    settings: TheSettings,
    till_session_id: UUID,
    payment_id: UUID,
    body: schemas.Terminal,
) -> schemas.TillPayment:
    """The terminal has charged the card of a payment that waits for it."""
    return await once.do(tx, caller, taking.capture_card(tx, caller, till_session_id, payment_id, body, settings))


@router.post("/till-sessions/{till_session_id}/payments/{payment_id}/cancel")
async def cancel_till_payment(
    tx: Tx, caller: Clerk, once: OnceKey, till_session_id: UUID, payment_id: UUID, body: schemas.WithReason
) -> schemas.TillPayment:
    """The terminal has not charged the card: the bills are due again."""
    return await once.do(tx, caller, taking.cancel_card(tx, caller, till_session_id, payment_id, body.reason))


@router.get("/till-sessions/{till_session_id}/refunds/{refund_number}")
async def look_up_refund(
    tx: Tx, caller: Clerk, till_session_id: UUID, refund_number: RefundNumber
) -> schemas.RefundAtCounter:
    """A refund that waits for its payer at a counter. Every look is kept in the audit trail."""
    return await payouts.look_up_refund(tx, caller, till_session_id, refund_number)


@router.post("/till-sessions/{till_session_id}/refunds/{refund_number}/pay-out")
async def pay_refund_out(
    tx: Tx, caller: Clerk, once: OnceKey, till_session_id: UUID, refund_number: RefundNumber, body: schemas.Payout
) -> schemas.RefundAtCounter:
    """Give a refund to its payer: from the drawer, or over the card terminal, whose slip is named."""
    return await once.do(tx, caller, payouts.pay_out(tx, caller, till_session_id, refund_number, body))


@router.post("/till-sessions/{till_session_id}/count")
async def count_till_drawer(
    tx: Tx, caller: Clerk, once: OnceKey, till_session_id: UUID, body: schemas.NewCount
) -> schemas.TillSession:
    """Count the drawer. From now on the session takes nothing; a supervisor closes it."""
    return await once.do(tx, caller, service.count_drawer(tx, caller, till_session_id, body))


@router.post("/till-sessions/{till_session_id}/send-back")
async def send_till_session_back(
    tx: Tx, caller: Supervisor, once: OnceKey, till_session_id: UUID, body: schemas.WithReason
) -> schemas.TillSession:
    """Open a counted session again, to be put right and counted anew."""
    return await once.do(tx, caller, service.send_back(tx, caller, till_session_id, body.reason))


@router.post("/till-sessions/{till_session_id}/close")
async def close_till_session(tx: Tx, caller: Supervisor, once: OnceKey, till_session_id: UUID) -> schemas.TillSession:
    """Close a counted session of another person; a difference goes to suspense and becomes an incident."""
    return await once.do(tx, caller, service.close_session(tx, caller, till_session_id))


@router.post("/till-sessions/{till_session_id}/deposit")
async def deposit_till_cash(
    tx: Tx, caller: Supervisor, once: OnceKey, till_session_id: UUID, body: schemas.NewDeposit
) -> schemas.TillSession:
    """Record that the cash of a closed session is at the bank."""
    return await once.do(tx, caller, service.deposit(tx, caller, till_session_id, body))
