"""E-invoices: the payer's request, the issuer's outcome, and the red letter after a refund."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from chassis.problems import checked_move
from kit.leases import Leased
from svc_payments.base import Base
from svc_payments.collection.payments.models import Payment


class EInvoiceStatus(StrEnum):
    REQUESTED = "requested"
    """It has certainly not reached the issuer."""
    UNKNOWN = "unknown"
    """Sent, and the outcome is unknown: the issuer is queried before it is sent again."""
    ISSUED = "issued"
    FAILED = "failed"
    """The issuer refused it, or the payment was refunded first. Another one may be requested."""
    REVERSING = "reversing"
    """The payment was refunded: the issuer has to reverse the invoice by a red-letter one."""
    RED_LETTERED = "red_lettered"
    """It has been. Another one may be requested for what is left of the payment."""


TRANSITIONS: dict[EInvoiceStatus, set[EInvoiceStatus]] = {
    EInvoiceStatus.REQUESTED: {EInvoiceStatus.UNKNOWN, EInvoiceStatus.FAILED},
    EInvoiceStatus.UNKNOWN: {
        EInvoiceStatus.UNKNOWN,
        EInvoiceStatus.REQUESTED,
        EInvoiceStatus.ISSUED,
        EInvoiceStatus.FAILED,
    },
    EInvoiceStatus.ISSUED: {EInvoiceStatus.REVERSING},
    EInvoiceStatus.FAILED: set(),
    EInvoiceStatus.REVERSING: {EInvoiceStatus.REVERSING, EInvoiceStatus.RED_LETTERED},
    EInvoiceStatus.RED_LETTERED: set(),
}
_IN_FORCE = text("status NOT IN ('failed', 'red_lettered')")


class TitleKind(StrEnum):
    """Whom the invoice is made out to."""

    PERSONAL = "personal"
    ORGANISATION = "organisation"


class EInvoice(Leased, Base):
    """One request. Its id is its number at the issuer, so that a retry never makes a second invoice."""

    __tablename__ = "e_invoices"
    __table_args__ = (
        one_of("status", EInvoiceStatus),
        one_of("title_kind", TitleKind),
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        CheckConstraint("(title_kind = 'organisation') = (uscc IS NOT NULL)", name="uscc"),
        CheckConstraint("email IS NULL OR status IN ('requested', 'unknown')", name="email_forgotten"),
        Index("uq_e_invoices_in_force", "payment_id", unique=True, postgresql_where=_IN_FORCE),
        Index("ix_e_invoices_due", "try_at", postgresql_where=text("status IN ('requested', 'unknown', 'reversing')")),
        Index("ix_e_invoices_person_id_id", "person_id", "id"),
        Index(None, "invoice_number"),
        Index(None, "red_invoice_number"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Payment.id))
    person_id: Mapped[UUID]
    provider_id: Mapped[UUID]
    status: Mapped[EInvoiceStatus] = mapped_column(Text, default=EInvoiceStatus.REQUESTED)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    """Paid less refunds at the time of the request."""
    refunded_fen: Mapped[int] = mapped_column(BigInteger)
    """Refunded by then."""
    title_kind: Mapped[TitleKind] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    uscc: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    """Where the issuer sends it; forgotten as soon as the issuer has it."""
    invoice_number: Mapped[str | None] = mapped_column(Text)
    document_url: Mapped[str | None] = mapped_column(Text)
    red_invoice_number: Mapped[str | None] = mapped_column(Text)
    failure: Mapped[str | None] = mapped_column(Text)
    """Why it failed: the issuer's code, or `payment_refunded`."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    settled_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When it was issued or failed."""
    red_lettered_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: EInvoiceStatus) -> None:
        self.status = checked_move(TRANSITIONS, EInvoiceStatus(self.status), status)
        if self.status not in {EInvoiceStatus.REQUESTED, EInvoiceStatus.UNKNOWN}:
            self.email = None
