"""Taking payments at a till: cash into the drawer, or a card by the terminal beside it.

A payment is one transaction: session, bills, payment, ledger, receipt, posting and events.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import IllegalMove, NotFound, Problem
from svc_payments.amounts import money
from svc_payments.billing.application_fees.queries import applicant_of, application_of
from svc_payments.billing.bills import schemas as bill_schemas
from svc_payments.billing.bills import service as bills
from svc_payments.billing.bills.models import Bill
from svc_payments.collection.data_reads.service import BILLS, holders, record_read
from svc_payments.collection.payments import over_the_counter
from svc_payments.collection.payments import service as payments
from svc_payments.collection.payments.models import AT_CHANNEL, Payment, PaymentStatus
from svc_payments.collection.receipts.models import Receipt
from svc_payments.oversight.audit import service as audit
from svc_payments.parties.accounts.queries import is_bound
from svc_payments.parties.providers.account_numbers import require_number_of
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from svc_payments.tills import schemas, service
from svc_payments.tills.models import TillPayment, TillSession


class CashAboveLimit(Problem):
    status, code = 422, "cash_above_limit"


class TenderTooSmall(Problem):
    status, code = 422, "tender_too_small"


class PayerNotBound(Problem):
    """The resident named as the payer is not bound to the account, or has not filed the application."""

    status, code = 422, "payer_not_bound"


class TerminalAmountDiffers(Problem):
    """The card was charged another amount than the bills' current amount."""

    status, code = 409, "terminal_amount_differs"


class TerminalReferenceUsed(Problem):
    """One transaction of a card terminal pays once."""

    status, code = 409, "terminal_reference_used"


async def look_up_bills(
    tx: AsyncSession, caller: Caller, session_id: UUID, provider_id: UUID, account_number: str
) -> list[bill_schemas.Bill]:
    """The bills due on an account, or the fee of an application, oldest first. The read is audited.

    Raises:
        NotFound, TillSessionNotOpen: as `service.lock_own`.
        BadAccountNumber, BadAccountCheckDigit: no account of this provider has such a number.
    """
    await service.lock_own(tx, caller, session_id)
    application_id = application_of(account_number)
    if application_id:
        account_number = str(application_id)
        applicant = await applicant_of(tx, provider_id, application_id)
        of: Sequence[UUID] = [applicant] if applicant else []
    else:
        of = await holders(tx, provider_id, account_number)
    account, at = f"{provider_id}/{account_number}", str(session_id)
    await record_read(
        tx, caller, "look_up_bills", account, of=of, data=[BILLS], roles=[service.CLERK], till_session_id=at
    )
    due = await bills.to_pay_on(tx, provider_id, account_number)
    if not due and not application_id:
        await require_number_of(tx, provider_id, account_number)
    return due


async def take_payment(
    tx: AsyncSession, caller: Caller, session_id: UUID, new: schemas.NewTillPayment, settings: Settings
) -> schemas.TillPayment:
    """Take cash, or a card payment that the terminal has made or is about to make.

    Raises:
        NotFound, TillSessionNotOpen: as `service.lock_own`.
        NotFound, BillAlreadyPaid, PaymentInProgress, BillNotPayable: as for bills.
        BadAccountNumber, BadAccountCheckDigit: no account of this provider has such a number.
        PayerNotBound, CashAboveLimit, TenderTooSmall, TerminalAmountDiffers, TerminalReferenceUsed
    """
    session = await service.lock_own(tx, caller, session_id)
    application_id = application_of(new.account_number)
    new = new.model_copy(update={"account_number": str(application_id)}) if application_id else new
    payer_id = await _payer(tx, session, new, application_id)
    payable = await _payable(tx, new)
    payment = await over_the_counter.begin(tx, payer_id, payable, ChannelName(new.tender.channel))
    taken = TillPayment(payment_id=payment.id, till_session_id=session.id, account_number=new.account_number)
    match new.tender:
        case schemas.Cash(tendered_fen=tendered_fen):
            _take_cash(taken, payment, tendered_fen, settings.cash_limit_fen)
        case schemas.Pos(terminal=schemas.Terminal() as terminal):
            await _take_slip(tx, taken, payment, terminal)
    tx.add(taken)
    await tx.flush()
    await audit.record(tx, caller, "take_till_payment", payment.id, till_session_id=str(session.id))
    if isinstance(new.tender, schemas.Cash) or new.tender.terminal:
        await over_the_counter.capture_at_counter(tx, payment, transaction_id_of(taken), settings.merchant_id)
    return schemas.shown_payment(taken, payment, await tx.get(Receipt, payment.id))


async def _payable(tx: AsyncSession, new: schemas.NewTillPayment) -> Sequence[Bill]:
    try:
        return await bills.lock_payable_on(tx, new.provider_id, new.account_number, new.bill_ids)
    except NotFound:
        if application_of(new.account_number):
            raise
        await require_number_of(tx, new.provider_id, new.account_number)
        raise


async def capture_card(
    tx: AsyncSession, caller: Caller, session_id: UUID, payment_id: UUID, terminal: schemas.Terminal, settings: Settings
) -> schemas.TillPayment:
    """The terminal has charged the card of a payment whose bills were kept for it.

    Raises:
        NotFound, TillSessionNotOpen: as `service.lock_own`.
        IllegalMove: it is captured or cancelled already.
        TerminalAmountDiffers, TerminalReferenceUsed
    """
    session = await service.lock_own(tx, caller, session_id)
    taken, payment = await _lock_payment(tx, session, payment_id)
    if payment.status not in AT_CHANNEL:
        raise IllegalMove(current=payment.status, wanted=PaymentStatus.CAPTURED)
    await _take_slip(tx, taken, payment, terminal)
    await audit.record(tx, caller, "capture_till_payment", payment.id, till_session_id=str(session.id))
    await over_the_counter.capture_at_counter(tx, payment, transaction_id_of(taken), settings.merchant_id)
    return schemas.shown_payment(taken, payment, await tx.get(Receipt, payment.id))


async def cancel_card(
    tx: AsyncSession, caller: Caller, session_id: UUID, payment_id: UUID, reason: str
) -> schemas.TillPayment:
    """The terminal has not charged the card: the bills are due again.

    Raises:
        NotFound, TillSessionNotOpen: as `service.lock_own`.
        IllegalMove: its money has been captured.
    """
    session = await service.lock_own(tx, caller, session_id)
    taken, payment = await _lock_payment(tx, session, payment_id)
    await audit.record(tx, caller, "cancel_till_payment", payment.id, reason=reason)
    await payments.give_up(tx, payment, PaymentStatus.EXPIRED)
    return schemas.shown_payment(taken, payment, await tx.get(Receipt, payment.id))


async def payment_of(tx: AsyncSession, caller: Caller, session_id: UUID, payment_id: UUID) -> Payment:
    """A payment of a session that the caller may see.

    Raises:
        NotFound: as `service.get_session`, or it was taken elsewhere.
    """
    session = await service.get_session(tx, caller, session_id)
    taken = await tx.get(TillPayment, payment_id)
    if taken is None or taken.till_session_id != session.id:
        raise NotFound
    return await tx.get_one(Payment, payment_id)


def transaction_id_of(taken: TillPayment) -> str:
    """The transaction number on the receipt: the slip's, or for cash the payment's own."""
    if taken.trace_number is None:
        return taken.payment_id.hex
    return f"{taken.merchant_number}-{taken.terminal_number}-{taken.batch_number}-{taken.trace_number}"


async def _payer(
    tx: AsyncSession, session: TillSession, new: schemas.NewTillPayment, application_id: UUID | None
) -> UUID:
    """The payer: a resident bound to the account, or who has applied, or else the session itself."""
    if new.person_id is None:
        return session.id
    if application_id and new.person_id == await applicant_of(tx, new.provider_id, application_id):
        return new.person_id
    if not await is_bound(tx, new.person_id, new.provider_id, new.account_number):
        raise PayerNotBound
    return new.person_id


def _take_cash(taken: TillPayment, payment: Payment, tendered_fen: int, limit_fen: int) -> None:
    if payment.amount_fen > limit_fen:
        raise CashAboveLimit(**money(limit=limit_fen, amount=payment.amount_fen))
    if tendered_fen < payment.amount_fen:
        raise TenderTooSmall(**money(amount=payment.amount_fen))
    taken.tendered_fen, taken.change_fen = tendered_fen, tendered_fen - payment.amount_fen


async def _take_slip(tx: AsyncSession, taken: TillPayment, payment: Payment, terminal: schemas.Terminal) -> None:
    if terminal.amount_fen != payment.amount_fen:
        raise TerminalAmountDiffers(**money(amount=payment.amount_fen))
    numbers = terminal.model_dump(exclude={"amount_fen"})
    unique = {name: numbers[name] for name in ("merchant_number", "terminal_number", "batch_number", "trace_number")}
    # Two clerks who enter one slip at once: the second finds what the first has done.
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"slip\n{'-'.join(unique.values())}", 0))))
    if await tx.scalar(select(TillPayment.payment_id).filter_by(**unique)):
        raise TerminalReferenceUsed
    for name, value in numbers.items():
        setattr(taken, name, value)


async def _lock_payment(tx: AsyncSession, session: TillSession, payment_id: UUID) -> tuple[TillPayment, Payment]:
    taken = await tx.get(TillPayment, payment_id)
    if taken is None or taken.till_session_id != session.id:
        raise NotFound
    return taken, await payments.lock(tx, payment_id)
