from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy import select

from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from kit.papers import PdfResponse
from svc_payments.billing.bills.schemas import Bill
from svc_payments.documents.receipts import service as receipts
from svc_payments.documents.receipts.endpoints import PDF, printed_for
from svc_payments.parties.providers.account_numbers import AccountNumber
from svc_payments.settings import TheSettings
from svc_payments.tills import payments as taking
from svc_payments.tills import payouts, report, schemas, service
from svc_payments.tills.callers import Clerk, Reader, RefundNumber, Supervisor
from svc_payments.tills.models import TillSession

router = APIRouter(prefix="/payments/v1", tags=["tills"])


@router.post("/till-sessions", status_code=201)
async def open_till_session(tx: Tx, caller: Clerk, once: OnceKey, body: schemas.NewTillSession) -> schemas.TillSession:
    """Open a till session at the caller's counter, with the change in its drawer."""
    return await once.do(tx, caller, service.open_session(tx, caller, body))


@router.get("/till-sessions")
async def list_till_sessions(tx: ReadTx, caller: Reader, page: PageQuery) -> Page[schemas.TillSession]:
    """List till sessions, newest first.

    A clerk sees their own, a supervisor those of the counter, an auditor or operator all.
    """
    visible = select(TillSession).where(service.visible_to(caller))
    return await page_of(tx, visible, page, TillSession.id, schemas.shown, newest_first=True)


@router.get("/till-sessions/{till_session_id}")
async def get_till_session(tx: ReadTx, caller: Reader, till_session_id: UUID) -> schemas.TillReport:
    """Get a till session with its totals by channel, expected cash and counts."""
    return await report.report_of(tx, await service.get_session(tx, caller, till_session_id))


@router.get("/till-sessions/{till_session_id}/payments")
async def list_till_payments(
    tx: ReadTx, caller: Reader, till_session_id: UUID, page: PageQuery
) -> Page[schemas.TillPayment]:
    """List the payments of a till session, in the order they were taken."""
    return await report.payments_of(tx, await service.get_session(tx, caller, till_session_id), page)


@router.get(
    "/till-sessions/{till_session_id}/payments/{payment_id}/receipt.pdf", response_class=PdfResponse, responses=PDF
)
async def print_till_receipt(
    caller: Clerk,
    transactions: Transactions,
    settings: TheSettings,
    request: Request,
    till_session_id: UUID,
    payment_id: UUID,
) -> Response:
    """Download the receipt of a payment of the caller's till session, to print for the payer."""
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
    account_number: AccountNumber,
) -> list[Bill]:
    """List the due bills of an account for a payer at the counter, oldest first.

    Or the fee of an application, by its id in place of the account number. The lookup is recorded in the audit trail.
    """
    return await taking.look_up_bills(tx, caller, till_session_id, provider_id, account_number)


@router.post("/till-sessions/{till_session_id}/payments", status_code=201)
async def take_till_payment(
    tx: Tx, caller: Clerk, once: OnceKey, settings: TheSettings, till_session_id: UUID, body: schemas.NewTillPayment
) -> schemas.TillPayment:
    """Take a payment in cash or by card.

    A payment whose money is already received is captured at once and has its receipt.
    """
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
    """Capture a card payment that the terminal has charged."""
    return await once.do(tx, caller, taking.capture_card(tx, caller, till_session_id, payment_id, body, settings))


@router.post("/till-sessions/{till_session_id}/payments/{payment_id}/cancel")
async def cancel_till_payment(
    tx: Tx, caller: Clerk, once: OnceKey, till_session_id: UUID, payment_id: UUID, body: schemas.WithReason
) -> schemas.TillPayment:
    """Cancel a card payment that the terminal has not charged.

    Its bills are due again.
    """
    return await once.do(tx, caller, taking.cancel_card(tx, caller, till_session_id, payment_id, body.reason))


@router.get("/till-sessions/{till_session_id}/refunds/{refund_number}")
async def look_up_refund(
    tx: Tx, caller: Clerk, settings: TheSettings, till_session_id: UUID, refund_number: RefundNumber
) -> schemas.RefundAtCounter:
    """Get a refund that waits for its payer at a counter.

    The lookup is recorded in the audit trail.
    """
    return await payouts.look_up_refund(tx, caller, till_session_id, refund_number, settings)


@router.post("/till-sessions/{till_session_id}/refunds/{refund_number}/pay-out")
async def pay_refund_out(
    transactions: Transactions,
    caller: Clerk,
    once: OnceKey,
    settings: TheSettings,
    till_session_id: UUID,
    refund_number: RefundNumber,
    body: schemas.Payout,
) -> schemas.RefundAtCounter:
    """Pay a refund out to its payer, from the drawer or over the card terminal.

    The payer proves themselves by the code in their app, or by the code on the receipt and a supervisor's approval.
    For the card terminal the request names the slip.
    """
    at = payouts.Place(caller, till_session_id, refund_number)
    return await payouts.pay_out_once(transactions, once, at, body, settings)


@router.post("/till-sessions/{till_session_id}/count")
async def count_till_drawer(
    tx: Tx, caller: Clerk, once: OnceKey, till_session_id: UUID, body: schemas.NewCount
) -> schemas.TillSession:
    """Record the count of the drawer.

    The session takes no more payments; a supervisor closes it.
    """
    return await once.do(tx, caller, service.count_drawer(tx, caller, till_session_id, body))


@router.post("/till-sessions/{till_session_id}/send-back")
async def send_till_session_back(
    tx: Tx, caller: Supervisor, once: OnceKey, till_session_id: UUID, body: schemas.WithReason
) -> schemas.TillSession:
    """Reopen a counted till session, to be corrected and counted again."""
    return await once.do(tx, caller, service.send_back(tx, caller, till_session_id, body.reason))


@router.post("/till-sessions/{till_session_id}/close")
async def close_till_session(tx: Tx, caller: Supervisor, once: OnceKey, till_session_id: UUID) -> schemas.TillSession:
    """Close a counted till session of another person.

    A difference goes to suspense and becomes an incident.
    """
    return await once.do(tx, caller, service.close_session(tx, caller, till_session_id))


@router.post("/till-sessions/{till_session_id}/deposit")
async def deposit_till_cash(
    tx: Tx, caller: Supervisor, once: OnceKey, till_session_id: UUID, body: schemas.NewDeposit
) -> schemas.TillSession:
    """Record that the cash of a closed till session is at the bank."""
    return await once.do(tx, caller, service.deposit(tx, caller, till_session_id, body))
