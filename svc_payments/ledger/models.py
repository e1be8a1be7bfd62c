"""The double-entry ledger: accounts, transfers and their entries, in integer fen of CNY.

An entry's amount is signed: a debit is positive, a credit negative. PostgreSQL itself keeps the books (migration 0002):
the entries of a transfer are written in one statement, whole and summing to zero; the balances follow from them by
trigger; nothing is ever changed or removed. A mistake is corrected by another transfer.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from svc_payments.base import Base


class AccountKind(StrEnum):
    """What kind of money an account holds; `holder` names the party."""

    CHANNEL_RECEIVABLE = "channel_receivable"
    """What a channel has taken from residents and owes us; the holder is the channel."""
    PERSON_CLEARING = "person_clearing"
    """A person's money that has arrived and is not booked by a provider yet; the holder is the person's id."""
    PROVIDER_PAYABLE = "provider_payable"
    """What we owe a provider for bills it has booked; the holder is the provider's id."""
    SUSPENSE = "suspense"
    """Money that cannot be allocated yet or that waits to be refunded; the holder is the channel."""
    REFUNDS = "refunds"
    """Refunds in progress; the holder is the channel that pays them."""
    FEES = "fees"
    """What channels charge us, and what we charge providers; the holder is the channel or the provider's id."""
    BANK = "bank"
    """Our settlement account at the bank; the holder is `settlement`."""


class TransferKind(StrEnum):
    """What a movement is; in brackets what its reference is, then the accounts it debits and credits."""

    PAYMENT_CAPTURED = "payment_captured"
    """[payment] channel_receivable, person_clearing"""
    PAYMENT_HELD = "payment_held"
    """[payment] channel_receivable, suspense: the bills could no longer be paid"""
    BILL_BOOKED = "bill_booked"
    """[posting] person_clearing, provider_payable"""
    BOOKING_REVERSED = "booking_reversed"
    """[posting] provider_payable, person_clearing"""
    REFUND_STARTED = "refund_started"
    """[refund] person_clearing, provider_payable or suspense; refunds"""
    REFUND_PAID = "refund_paid"
    """[refund] refunds, channel_receivable"""
    REFUND_FAILED = "refund_failed"
    """[refund] refunds, where it was started from"""
    CHANNEL_FEE = "channel_fee"
    """[channel statement] fees, channel_receivable"""
    CHANNEL_SETTLED = "channel_settled"
    """[channel statement] bank, channel_receivable"""
    PROVIDER_FEE = "provider_fee"
    """[settlement] provider_payable, fees"""
    PROVIDER_SETTLED = "provider_settled"
    """[settlement] provider_payable, bank"""
    EXCESS_RECORDED = "excess_recorded"
    """[case] channel_receivable, suspense: the channel has money unknown to us"""
    SHORTAGE_RECORDED = "shortage_recorded"
    """[case] suspense, channel_receivable: the channel does not have what it reported"""
    CASE_CLOSED = "case_closed"
    """[case] what puts right the difference that the case was about"""
    CASH_DEPOSITED = "cash_deposited"
    """[till session] bank, channel_receivable of cash"""
    CASH_DIFFERENCE = "cash_difference"
    """[till session] what the drawer has more or less than it should, against suspense"""
    CORRECTED = "corrected"
    """[whatever was wrong] any accounts; the audit trail says who and why"""


class Account(Base):
    __tablename__ = "ledger_accounts"
    __table_args__ = (
        UniqueConstraint("kind", "holder"),
        one_of("kind", AccountKind),
        CheckConstraint("debit_fen >= 0 AND credit_fen >= 0", name="totals_not_negative"),
        CheckConstraint("holder ~ '^[!-~]{1,64}$'", name="holder_one_word"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[AccountKind] = mapped_column(Text)
    holder: Mapped[str] = mapped_column(Text)
    debit_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    credit_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())


class Transfer(Base):
    """One movement of money; its kind and what it is for happen together at most once."""

    __tablename__ = "ledger_transfers"
    __table_args__ = (
        UniqueConstraint("reference_id", "kind"),
        one_of("kind", TransferKind),
        # A day's transfers lie together, as they are only added: a few pages of this index locate them.
        Index("ix_ledger_transfers_created_at", "created_at", postgresql_using="brin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[TransferKind] = mapped_column(Text)
    reference_id: Mapped[UUID]
    """The payment, posting, refund, ... that its kind says."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())


class Entry(Base):
    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint("amount_fen <> 0", name="amount_not_zero"),
        Index("ix_ledger_entries_transfer_id", "transfer_id"),
        Index("ix_ledger_entries_account_id_position", "account_id", "position"),
    )

    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    transfer_id: Mapped[UUID] = mapped_column(ForeignKey(Transfer.id))
    account_id: Mapped[UUID] = mapped_column(ForeignKey(Account.id))
    amount_fen: Mapped[int] = mapped_column(BigInteger)


class Link(Base):
    """One statement's entries in the hash chain; only the database itself adds links.

    The chain is locked from before the entries are numbered until their transaction ends: links, and positions in
    them, follow each other in the order of commit, and nothing is ever added before a row that was visible.
    """

    __tablename__ = "ledger_links"
    __table_args__ = (
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("octet_length(hash) = 32 AND octet_length(previous_hash) = 32", name="hashes_whole"),
        CheckConstraint("first_position <= last_position", name="positions_ordered"),
        Index(None, "sealed_at", "number"),
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 over the hash before it and the lines of this link that `chain` describes."""
    first_position: Mapped[int] = mapped_column(BigInteger)
    last_position: Mapped[int] = mapped_column(BigInteger, unique=True)
    sealed_at: Mapped[datetime] = mapped_column(Timestamp)
    format: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    """1: entries alone, before facts were sealed; 2: with `written_by` and the facts of its transfers."""
    written_by: Mapped[str | None] = mapped_column(Text)
    """The database role that logged in to write it."""


class Fact(Base):
    """What a transfer was posted for, as it was then: sealed into the transfer's link, and compared by the proof."""

    __tablename__ = "ledger_facts"

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Of the transfer's first entry."""
    transfer_id: Mapped[UUID]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """By table, the row or rows without the columns that may change later."""


class Anchor(Base):
    """A head of the chain that was written outside the database."""

    __tablename__ = "ledger_anchors"

    link_number: Mapped[int] = mapped_column(ForeignKey(Link.number), primary_key=True, autoincrement=False)
    object_name: Mapped[str] = mapped_column(Text)
    anchored_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    """When the anchor was made; the time of its row for anchors that were not signed yet."""
