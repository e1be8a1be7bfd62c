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


class TrialBalance(BaseModel):
    """Every account at one moment. Books are right only when all debits equal all credits."""

    at: datetime
    accounts: list[AccountBalance]
    debit_fen: int
    credit_fen: int
    balance_fen: int
