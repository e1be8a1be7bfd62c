from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_payments.oversight.incidents import models


class Incident(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    incident_id: UUID
    kind: str
    """What was found, such as other_amount or money_held; expect further kinds within v1."""
    subject: str
    """The notice, payment or posting it is about."""
    details: dict[str, Any]
    times: int
    """1, or more if it has recurred after it was resolved; each time is an incident of its own."""
    created_at: datetime
    resolved_at: datetime | None
    """When it was dealt with; the audit trail of the incident says by whom and how."""


def shown(incident: models.Incident) -> Incident:
    return Incident(
        incident_id=incident.id,
        kind=incident.kind,
        subject=incident.subject,
        details=incident.details,
        times=incident.times,
        created_at=incident.created_at,
        resolved_at=incident.resolved_at,
    )
