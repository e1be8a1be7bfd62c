from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_services.accounts.holder_changes.models import ChangeKind, HolderChangeStatus
from svc_services.fields import AccountNumber, Day, Reason


class NewHolderChange(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    account_number: AccountNumber
    kind: ChangeKind
    effective_on: Day
    """The last day, in China, of the holder until now. Whoever has the account bound sees nothing later than that
    day; bills until then stay visible to them. A day that has come takes effect at once."""


class ProposedHolderChange(NewHolderChange):
    reason: Reason
    """Kept with the change, such as the letter or the visit that it is based on."""


class HolderChange(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    holder_change_id: UUID
    provider_id: UUID
    account_number: str
    kind: ChangeKind
    effective_on: date
    status: HolderChangeStatus
    reason: str | None
    proposed_by: UUID | None
    """The operator who proposed it; null for a report of the provider."""
    reported_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    done_at: datetime | None
