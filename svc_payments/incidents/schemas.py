from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Incident(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    incident_id: UUID
    kind: str
    """What was found, such as other_amount or money_held; expect further kinds within v1."""
    subject: str
    """The notice, payment or posting it is about."""
    details: dict[str, Any]
    created_at: datetime
    resolved_at: datetime | None
    """When it was dealt with; the audit trail of the incident says by whom and how."""
