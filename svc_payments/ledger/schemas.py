from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from svc_payments.ledger.models import AccountKind


class AccountBalance(BaseModel):
    account_id: UUID
    kind: AccountKind
    holder: str
    """A channel's name or a provider's id."""
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
