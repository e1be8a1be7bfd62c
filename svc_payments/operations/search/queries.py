"""Search by number: each kind of number has its own index."""

from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

from sqlalchemy import Select, Uuid, literal, null, select
from sqlalchemy.orm import InstrumentedAttribute

from kit.fields.customer_parameters import canonical
from kit.papers import codes
from svc_payments.billing.bills.models import Bill, BillNumber
from svc_payments.billing.files.models import BillFile
from svc_payments.collection.mandates.models import Mandate
from svc_payments.collection.payments.models import Attempt, Payment
from svc_payments.collection.postings.models import Posting
from svc_payments.collection.receipts.models import Receipt
from svc_payments.collection.refunds.models import Refund, SecondTransaction
from svc_payments.documents.e_invoices.models import EInvoice
from svc_payments.documents.receipts.models import ReceiptCode
from svc_payments.operations.manual_actions.models import ManualAction
from svc_payments.oversight.incidents.models import Incident, IncidentKind
from svc_payments.parties.providers.models import Provider
from svc_payments.reconciliation.discrepancies.models import Discrepancy
from svc_payments.reconciliation.statements.models import Statement, StatementLine
from svc_payments.settings.channels import ChannelName
from svc_payments.settlement.models import Settlement, TransferFile
from svc_payments.tills.models import TillPayment, TillSession

MOST_OF_A_KIND = 20
"""Hits; an account has a bill for every month."""

Found = Select[str, str, UUID, UUID]
"""(kind, found by, id, payment's id or NULL)"""


def lookups(number: str) -> Iterator[Found]:
    """Queries, one for each way in which this number may be meant."""
    for lookup in _BY_WORD:
        yield lookup(number).limit(MOST_OF_A_KIND)
    if identifier := _uuid(number):
        for by_id in _BY_ID:
            yield by_id(identifier)


def _uuid(number: str) -> UUID | None:
    try:
        return UUID(number)
    except ValueError:
        return None


def _of_payments(found_by: str) -> Found:
    return select(literal("payment"), literal(found_by), Payment.id, Payment.id)


def _of_bills(found_by: str) -> Found:
    # By way of the providers, of which there are few: the indexes on bills begin with them.
    return (
        select(literal("bill"), literal(found_by), Bill.id, null().cast(Uuid))
        .where(Bill.provider_id.in_(select(Provider.provider_id)))
        .order_by(Bill.id.desc())
    )


def _of_postings(found_by: str) -> Found:
    return select(literal("posting"), literal(found_by), Posting.id, Posting.payment_id)


def _of_refunds(found_by: str) -> Found:
    return select(literal("refund"), literal(found_by), Refund.id, Refund.payment_id)


def _of_e_invoices(found_by: str) -> Found:
    return select(literal("e_invoice"), literal(found_by), EInvoice.id, EInvoice.payment_id)


def _alone(kind: str, found_by: str, identifier: InstrumentedAttribute[UUID]) -> Found:
    """Of something that belongs to no one payment."""
    return select(literal(kind), literal(found_by), identifier, null().cast(Uuid))


def _by_own_id(kind: str, column: InstrumentedAttribute[UUID], identifier: UUID) -> Found:
    return _alone(kind, f"{kind}_id", column).where(column == identifier)


def _by_receipt_code(number: str) -> Found:
    code = codes.read(number)
    of_code = ReceiptCode.code_hash == codes.hash_of(code or "")
    return _of_payments("receipt_code").join(ReceiptCode, ReceiptCode.payment_id == Payment.id).where(of_code)


def _by_bill_number(number: str) -> Found:
    # The numbers have their own table: bills are partitioned by month and have no index on them.
    return _alone("bill", "bill_number", BillNumber.bill_id).where(
        BillNumber.provider_id.in_(select(Provider.provider_id)), BillNumber.bill_number == number
    )


def _by_statement_line(number: str) -> Found:
    # By way of the statements, of which there are some for each day: lines are found by statement first.
    return (
        _alone("statement", "statement_line", StatementLine.statement_id)
        .where(StatementLine.statement_id.in_(select(Statement.id)), StatementLine.number == number)
        .order_by(StatementLine.statement_id.desc())
    )


_BY_WORD: tuple[Callable[[str], Found], ...] = (
    lambda number: _of_payments("order_number").join(Attempt).where(Attempt.order_number == number),
    # The indexes begin with the channel, or the kind.
    lambda number: (
        _of_payments("transaction_id")
        .join(Attempt)
        .where(Attempt.channel.in_(list(ChannelName)), Attempt.transaction_id == number)
    ),
    lambda number: (
        _of_payments("second_transaction_id")
        .join(SecondTransaction)
        .where(SecondTransaction.channel.in_(list(ChannelName)), SecondTransaction.transaction_id == number)
    ),
    lambda number: _of_payments("receipt_number").join(Receipt).where(Receipt.number == number),
    _by_receipt_code,
    lambda number: _of_payments("retrieval_number").join(TillPayment).where(TillPayment.retrieval_number == number),
    _by_bill_number,
    lambda number: _of_bills("account_number").where(Bill.account_number == canonical(number)),
    lambda number: _of_postings("provider_reference").where(Posting.provider_reference == number),
    lambda number: _of_refunds("refund_number").where(Refund.number == number),
    lambda number: _of_refunds("refund_reference").where(Refund.reference == number),
    lambda number: _of_e_invoices("invoice_number").where(EInvoice.invoice_number == number),
    lambda number: _of_e_invoices("red_invoice_number").where(EInvoice.red_invoice_number == number),
    lambda number: _alone("mandate", "contract_id", Mandate.id).where(Mandate.contract_id == number),
    lambda number: _alone("case", "case_number", Discrepancy.id).where(Discrepancy.number == number),
    lambda number: _alone("case", "case_transaction_id", Discrepancy.id).where(Discrepancy.transaction_id == number),
    lambda number: _alone("transfer_file", "transfer_number", TransferFile.id).where(TransferFile.number == number),
    lambda number: _alone("till_session", "deposit_reference", TillSession.id).where(
        TillSession.deposit_reference == number
    ),
    lambda number: _alone("incident", "incident_subject", Incident.id).where(
        Incident.kind.in_(list(IncidentKind)), Incident.subject == number
    ),
    _by_statement_line,
)
# A UUID is often read out in hexadecimal without hyphens: order, refund, settlement and contract numbers are such.
_BY_ID: tuple[Callable[[UUID], Found], ...] = (
    lambda identifier: _of_payments("payment_id").where(Payment.id == identifier),
    lambda identifier: _of_bills("bill_id").where(Bill.id == identifier),
    lambda identifier: _of_postings("posting_id").where(Posting.id == identifier),
    lambda identifier: _of_refunds("refund_id").where(Refund.id == identifier),
    lambda identifier: _of_e_invoices("e_invoice_id").where(EInvoice.id == identifier),
    *(
        partial(_by_own_id, kind, column)
        for kind, column in (
            ("settlement", Settlement.id),
            ("transfer_file", TransferFile.id),
            ("case", Discrepancy.id),
            ("mandate", Mandate.id),
            ("till_session", TillSession.id),
            ("statement", Statement.id),
            ("incident", Incident.id),
            ("manual_action", ManualAction.id),
            ("bill_file", BillFile.id),
        )
    ),
)
