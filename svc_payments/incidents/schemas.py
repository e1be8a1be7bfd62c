from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from svc_payments.incidents.models import IncidentKind


class Incident(BaseModel):
    incident_id: UUID
    kind: IncidentKind
    subject: str
    """The notice, payment or posting it is about."""
    details: dict[str, Any]
    created_at: datetime
