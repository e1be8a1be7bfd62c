from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_services.accounts.ordered_ends.models import BindingEndStatus
from svc_services.fields import Reason


class NewBindingEnd(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    binding_id: UUID
    reason: Reason
    """Kept with the end, such as the complaint or the court's decision that it is based on."""


class BindingEnd(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    binding_end_id: UUID
    binding_id: UUID
    provider_id: UUID
    reason: str
    status: BindingEndStatus
    proposed_by: UUID
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
