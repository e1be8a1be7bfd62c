from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints, model_validator

from svc_payments.ledger.models import AccountKind

LARGEST_CORRECTION_FEN = 10**12
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=4, max_length=500, pattern=r"^[^\x00]*$")]


class AskChannel(BaseModel):
    """Query the channel about a payment's order now instead of at its next turn."""

    kind: Literal["ask_channel"]
    payment_id: UUID


class TellProvider(BaseModel):
    """Send an unsettled posting to the provider now instead of at its next turn."""

    kind: Literal["tell_provider"]
    posting_id: UUID


class ResolveIncident(BaseModel):
    """Mark an incident resolved; the reason says how."""

    kind: Literal["resolve_incident"]
    incident_id: UUID


class LedgerAccount(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: AccountKind
    holder: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
    """As the trial balance names it: a channel, or the id of a provider or person."""


class CorrectLedger(BaseModel):
    """Correct the books by a further transfer; existing entries never change."""

    kind: Literal["correct_ledger"]
    debit: LedgerAccount
    credit: LedgerAccount
    amount_fen: Annotated[StrictInt, Field(gt=0, le=LARGEST_CORRECTION_FEN)]

    @model_validator(mode="after")
    def _require_two_accounts(self) -> Self:
        if self.debit == self.credit:
            raise ValueError("a transfer is between two accounts")
        return self


What = Annotated[AskChannel | TellProvider | ResolveIncident | CorrectLedger, Field(discriminator="kind")]


class NewManualAction(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    what: What
    reason: Reason
    """For the approver and the audit trail. No personal data."""


class ManualActionRejection(BaseModel):
    reason: Reason


class ManualAction(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    manual_action_id: UUID
    what: dict[str, Any]
    """The action as proposed; `kind` names it."""
    reason: str
    status: str
    """proposed, done or rejected; expect further values within v1."""
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
