from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from svc_services.cases.workflows.models import ApplicationKind
from svc_services.fields import Reason
from svc_services.supervision.ratings.models import AppealStatus, Stage, Tag
from svc_services.supervision.rectifications.models import RectificationStatus

_MOST_TAGS = 5


def _once_each(tags: list[Tag]) -> list[Tag]:
    if len(set(tags)) != len(tags):
        raise ValueError("tags must be given once each")
    return tags


class NewRating(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    stage: Stage
    grade: int = Field(strict=True, ge=1, le=5)
    """5 is very satisfied, 1 very dissatisfied; 2 and 1 open a rectification."""
    tags: Annotated[list[Tag], Field(max_length=_MOST_TAGS), AfterValidator(_once_each)] = Field(default_factory=list)
    words: Reason | None = None
    """The rated read them, and not whose they are."""


class OwnRating(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    rating_id: UUID
    stage: Stage
    round: int
    """2 after a rectification."""
    grade: int
    tags: list[Tag]
    """Expect further tags within v1."""
    words: str | None
    rated_at: datetime
    set_aside: bool
    """An appeal of the rated was upheld."""
    rectification: RectificationStatus | None
    """How far what was bad has been put right."""


class OwnRatings(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    items: list[OwnRating]
    stages_to_rate: list[Stage]
    """What can be rated now, for the first or the second time."""


class ReceivedRating(BaseModel):
    """A rating as the rated see it: nothing in it says whose it is, or of which case."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    rating_id: UUID
    provider_id: UUID
    division_code: str
    kind: ApplicationKind
    stage: Stage
    round: int
    grade: int
    tags: list[Tag]
    """Expect further tags within v1."""
    words: str | None
    month: date
    """Its first day."""
    set_aside: bool


class NewAppeal(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class AppealDecision(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    decision: Literal[AppealStatus.UPHELD, AppealStatus.DISMISSED]
    """`upheld` sets the rating aside: it counts in no figure."""
    reason: Reason


class RatingAppeal(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    appeal_id: UUID
    rating_id: UUID
    division_code: str
    reason: str
    status: AppealStatus
    appealed_by: UUID
    appealed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    decision_reason: str | None
