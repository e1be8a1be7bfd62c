"""Settlements: what a provider is paid for a day, line by line, and the transfer files that instruct the bank."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, func
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from chassis.problems import checked_move
from kit.approvals import second_person_check
from svc_payments.base import Base
from svc_payments.ledger.models import Transfer
from svc_payments.parties.providers.models import Provider


class SettlementStatus(StrEnum):
    CLOSED = "closed"
    """Computed, and in no transfer file yet."""
    INSTRUCTED = "instructed"
    """It is in a transfer file."""
    SENT = "sent"
    """The bank has the file."""
    CONFIRMED = "confirmed"
    """The bank has paid it, or there was nothing to pay."""


SETTLEMENT_TRANSITIONS: dict[SettlementStatus, set[SettlementStatus]] = {
    SettlementStatus.CLOSED: {SettlementStatus.INSTRUCTED},
    SettlementStatus.INSTRUCTED: {SettlementStatus.SENT},
    SettlementStatus.SENT: {SettlementStatus.CONFIRMED},
    SettlementStatus.CONFIRMED: set(),
}


class FileState(StrEnum):
    GENERATED = "generated"
    SENT = "sent"
    CONFIRMED = "confirmed"


FILE_TRANSITIONS: dict[FileState, set[FileState]] = {
    FileState.GENERATED: {FileState.SENT},
    FileState.SENT: {FileState.CONFIRMED},
    FileState.CONFIRMED: set(),
}


class TransferFile(Base):
    """Instructions to the bank: made once, sent by a second person, confirmed when the bank has paid."""

    __tablename__ = "transfer_files"
    __table_args__ = (
        one_of("state", FileState),
        second_person_check("sent_by", "generated_by"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(Text, unique=True)
    state: Mapped[FileState] = mapped_column(Text, default=FileState.GENERATED)
    transfers: Mapped[int]
    total_fen: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    """The file as it was made, in UTF-8."""
    generated_by: Mapped[str] = mapped_column(Text)
    sent_by: Mapped[str | None] = mapped_column(Text)
    confirmed_by: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    sent_at: Mapped[datetime | None] = mapped_column(Timestamp)
    confirmed_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, state: FileState) -> None:
        self.state = checked_move(FILE_TRANSITIONS, FileState(self.state), state)


class Settlement(Base):
    """What one provider is owed when a day is closed: all that moved on its account and was not settled before."""

    __tablename__ = "settlements"
    __table_args__ = (
        UniqueConstraint("provider_id", "day"),
        one_of("status", SettlementStatus),
        CheckConstraint("payable_fen = booked_fen - returned_fen - fee_fen", name="adds_up"),
        CheckConstraint("payable_fen >= 0 AND fee_fen >= 0", name="not_negative"),
        Index("ix_settlements_to_pay", "id", postgresql_where=sql("status = 'closed'")),
        Index(None, "transfer_file_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey(Provider.provider_id))
    day: Mapped[date] = mapped_column(Date)
    status: Mapped[SettlementStatus] = mapped_column(Text, default=SettlementStatus.CLOSED)
    bookings: Mapped[int]
    booked_fen: Mapped[int] = mapped_column(BigInteger)
    returned_fen: Mapped[int] = mapped_column(BigInteger)
    """Reversed bookings, and refunds that the provider bears, less those that failed."""
    fee_fen: Mapped[int] = mapped_column(BigInteger)
    payable_fen: Mapped[int] = mapped_column(BigInteger)
    held_bookings: Mapped[int]
    held_fen: Mapped[int] = mapped_column(BigInteger)
    """Booked, but held until its discrepancy is closed or its day is reconciled; settled later."""
    transfer_file_id: Mapped[UUID | None] = mapped_column(ForeignKey(TransferFile.id))
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    confirmed_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def move_to(self, status: SettlementStatus) -> None:
        self.status = checked_move(SETTLEMENT_TRANSITIONS, SettlementStatus(self.status), status)


class SettlementLine(Base):
    """One movement on a provider's account in the ledger: settled once, as its key has it, and final from then on."""

    __tablename__ = "settlement_lines"
    __table_args__ = (
        Index(
            "ix_settlement_lines_unsettled", "provider_id", "moved_at", postgresql_where=sql("settlement_id IS NULL")
        ),
        Index(None, "settlement_id", "transfer_id"),
        Index(None, "payment_id"),
    )

    transfer_id: Mapped[UUID] = mapped_column(ForeignKey(Transfer.id), primary_key=True)
    provider_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    """The transfer's: bill_booked, booking_reversed, refund_started, ..."""
    reference_id: Mapped[UUID]
    payment_id: Mapped[UUID | None]
    """Of a booking."""
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    """Its contribution to the amount owed to the provider."""
    fee_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Of the payment, on the first of its bookings here."""
    moved_at: Mapped[datetime] = mapped_column(Timestamp)
    settlement_id: Mapped[UUID | None] = mapped_column(ForeignKey(Settlement.id))
    """None: it waits for a settlement."""
