from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_services.cases.account_clashes.models import ClashStatus
from svc_services.fields import Reason


class AccountClash(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    clash_id: UUID
    application_id: UUID
    provider_id: UUID
    binding_id: UUID
    """By which the number was somebody else's when the company named it."""
    status: ClashStatus
    found_at: datetime
    closed_by: UUID | None
    closed_at: datetime | None
    reason: str | None


class ClosedClash(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    outcome: Literal[ClashStatus.BOUND, ClashStatus.DISMISSED]
    """bound: the other binding has ended, and the account is the applicant's; dismissed: it is not theirs."""
    reason: Reason
    """Kept with the clash, such as what the company said."""
