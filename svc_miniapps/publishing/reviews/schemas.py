from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_miniapps.fields import Code, Sentence
from svc_miniapps.packages.schemas import Version
from svc_miniapps.publishing.reviews.models import Outcome
from svc_miniapps.publishing.reviews.models import Review as ReviewRow


class Reason(BaseModel):
    """One thing to correct: its kind, its place and a sentence."""

    code: Code
    where: Sentence
    """A file of the package, a member of the manifest, a page, or a field of the registration."""
    message: Sentence


Reasons = Annotated[list[Reason], Field(min_length=1, max_length=50)]


class Rejection(BaseModel):
    reasons: Reasons


class Review(BaseModel):
    """One submission and its outcome. Reviewers are not named."""

    model_config = ConfigDict(from_attributes=True)

    outcome: Outcome
    submitted_at: datetime
    due_at: datetime
    decided_at: datetime | None
    reasons: list[Reason]


class WaitingReview(BaseModel):
    """A review that waits for a decision."""

    release_id: UUID
    app_id: UUID
    name: str
    short_description: str
    category: str
    division_code: str
    version: Version
    submitted_at: datetime
    due_at: datetime
    waiting_seconds: int
    is_overdue: bool

    @classmethod
    def of(cls, review: ReviewRow, at: datetime) -> "WaitingReview":
        release = review.release
        return cls(
            release_id=release.id,
            app_id=release.app_id,
            name=release.app.name,
            short_description=release.short_description,
            category=release.category,
            division_code=release.app.division_code,
            version=Version.of(release.package),
            submitted_at=review.submitted_at,
            due_at=review.due_at,
            waiting_seconds=max(0, (at - review.submitted_at) // timedelta(seconds=1)),
            is_overdue=at > review.due_at,
        )
