from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_services.supervision.rectifications.models import CallBack, RectificationAction, RectificationStatus


class RectificationMoved(Event):
    """What was rated badly is to be put right, was, or is overdue."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.rectification.moved.v1"
    key_field: ClassVar[str] = "rectification_id"

    rectification_id: UUID
    application_id: UUID
    provider_id: UUID
    division_code: str
    action: RectificationAction
    """Expect further actions within v1."""
    outcome: CallBack | None
    status: RectificationStatus
    due_on: date
    level: int
    """0: in time; 1: overdue, with the operators of the division; 2: with those of the prefecture."""
