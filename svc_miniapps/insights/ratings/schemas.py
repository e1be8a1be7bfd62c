from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Line
from svc_miniapps.fields import Sentence

Opinion = Annotated[Line, Field(max_length=500)]


class NewAppRating(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    grade: int = Field(strict=True, ge=1, le=5)
    """5 is very satisfied, 1 very dissatisfied."""
    words: Opinion | None = None
    """Others read them, and not whose they are."""


class AppRatingReply(BaseModel):
    words: str
    replied_at: datetime


class OwnAppRating(BaseModel):
    """A person's rating of an app, as they see it themselves."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    rating_id: UUID
    app_id: UUID
    grade: int
    words: str | None
    rated_at: datetime
    changed_at: datetime
    reply: AppRatingReply | None
    """Of the team."""
    hidden_at: datetime | None
    hidden_reason: str | None
    """Why an operator has hidden it from everybody else."""


class AppRating(BaseModel):
    """A rating as others see it: nothing in it says whose it is, or on which day it was written."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    rating_id: UUID
    version_code: int
    grade: int
    words: str | None
    month: date
    """Its first day."""
    reply: AppRatingReply | None


class TeamAppRating(AppRating):
    """A rating as the team sees it."""

    hidden: bool
    """An operator has hidden it from residents; it counts in no grade."""


class ReportedAppRating(TeamAppRating):
    """A rating as operators see it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    app_id: UUID
    reasons: list[str]
    """Of the reports that wait for a decision; the first twenty."""
    hidden_reason: str | None


class NewReply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    words: Opinion


class RatingReason(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Sentence


class RatingReportReceipt(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    rating_id: UUID
    reported_at: datetime
    """When the caller reported it first."""
