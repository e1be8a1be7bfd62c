"""The double-entry ledger: accounts, transfers and their entries, in integer fen of CNY.

An entry's amount is signed: a debit is positive, a credit negative. PostgreSQL itself keeps the books (migration 0002):
the entries of a transfer are written in one statement, whole and summing to zero; the balances follow from them by
trigger; nothing is ever changed or removed. A mistake is put right by another transfer.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from svc_payments.base import Base


class AccountKind(StrEnum):
    """Whose money an account counts; its holder is named beside it."""

    CHANNEL_RECEIVABLE = "channel_receivable"
    """What a channel has taken from residents and owes us; the holder is the channel."""
    PROVIDER_PAYABLE = "provider_payable"
    """What we owe a provider for bills paid; the holder is the provider's id."""
    SUSPENSE = "suspense"
    """Money that came when nothing was left to pay with it, until it goes back; the holder is the channel."""


class TransferKind(StrEnum):
    PAYMENT_CAPTURED = "payment_captured"
    PAYMENT_HELD = "payment_held"


class Account(Base):
    __tablename__ = "ledger_accounts"
    __table_args__ = (
        UniqueConstraint("kind", "holder"),
        one_of("kind", AccountKind),
        CheckConstraint("debit_fen >= 0 AND credit_fen >= 0", name="totals_not_negative"),
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
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[TransferKind] = mapped_column(Text)
    reference_id: Mapped[UUID]
    """The payment, for the two kinds there are."""
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
