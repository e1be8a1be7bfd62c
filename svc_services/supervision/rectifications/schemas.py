from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_services.fields import Reason
from svc_services.supervision.rectifications.models import CallBack, RectificationAction, RectificationStatus


class RectificationWords(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    words: Reason
    """The applicant reads them."""


class NewCallBack(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    outcome: CallBack
    words: Reason
    """What the applicant said, without their name or number."""


class RectificationEntry(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    action: RectificationAction
    outcome: CallBack | None
    words: str | None
    taken_at: datetime


class RectificationSummary(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    rectification_id: UUID
    application_id: UUID
    """What is to be put right; nothing leads from here to the words and tags of the rating."""
    provider_id: UUID
    division_code: str
    status: RectificationStatus
    consumed_days: int
    limit_days: int
    due_on: date
    level: int
    """0: in time; 1: overdue, with the operators of the division; 2: with those of the prefecture."""
    opened_at: datetime
    closed_at: datetime | None


class Rectification(RectificationSummary):
    entries: list[RectificationEntry]
