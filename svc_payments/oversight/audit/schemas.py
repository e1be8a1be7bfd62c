from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class AuditRecord(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    audit_record_id: UUID
    actor: str
    """The id of the person or client who did it; `system` for automatic actions."""
    action: str
    """A verb and its noun, such as approve_refund; expect further values within v1."""
    subject: str
    """The id of the object acted on, or of the person whose data was read."""
    reason: str | None
    details: dict[str, Any]
    created_at: datetime
