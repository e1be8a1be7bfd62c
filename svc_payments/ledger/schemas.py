from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class AccountBalance(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    account_id: UUID
    kind: str
    """channel_receivable, person_clearing, provider_payable, suspense, refunds, fees or bank; expect further kinds
    within v1."""
    holder: str
    """A channel's name, or the id of a provider or person."""
    debit_fen: int
    credit_fen: int
    balance_fen: int
    """Debits less credits."""


class KindTotals(BaseModel):
    """All accounts of one kind together."""

    kind: str
    accounts: int
    debit_fen: int
    credit_fen: int
    balance_fen: int


class TrialBalance(BaseModel):
    """The books at one moment. They are right only if debits equal credits."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    at: datetime
    link_number: int
    """The number of hash-chain links in the figures: exactly those sealed up to this moment."""
    accounts: list[AccountBalance]
    """All accounts except those of persons, which are too many; /ledger/accounts lists them."""
    kinds: list[KindTotals]
    """All accounts, including those of persons, summed by kind."""
    debit_fen: int
    credit_fen: int
    balance_fen: int


class Entry(BaseModel):
    """One leg of a transfer, with the account's balance after it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    position: int
    """Entries are numbered in the order in which they were committed."""
    transfer_id: UUID
    kind: str
    """What moved: payment_captured, bill_booked, refund_paid and so on; expect further kinds within v1."""
    reference_id: UUID
    """The payment, posting, refund, statement, settlement or case that the transfer is for."""
    amount_fen: int
    """A debit is positive, a credit negative."""
    balance_fen: int
    """The account's balance after this entry."""
    link_number: int
    """The link of the hash chain that holds it."""
    sealed_at: datetime
    """When it became part of the books."""
