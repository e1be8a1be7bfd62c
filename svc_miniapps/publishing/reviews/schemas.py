from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kit.fields.divisions import DivisionCode
from svc_miniapps.fields import Code, Sentence
from svc_miniapps.packages.schemas import Version
from svc_miniapps.publishing.reviews.clock import Flag, flag_at
from svc_miniapps.publishing.reviews.models import Outcome
from svc_miniapps.publishing.reviews.models import Review as ReviewRow

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class ReviewFile(BaseModel):
    sha256: str
    media_type: str
    size_bytes: int


class Reason(BaseModel):
    """One thing to correct: its kind, its place and a sentence."""

    code: Code
    where: Sentence
    """A file of the package, a member of the manifest, a page, or a field of the registration."""
    message: Sentence
    file: Sentence | None = None
    """A file of the package, by its path."""
    page: Sentence | None = None
    """A page, as the manifest names it."""
    files: Annotated[list[Digest], Field(max_length=5)] = []
    """Files that the reviewer has uploaded for this review, such as screenshots, by their SHA-256."""


Reasons = Annotated[list[Reason], Field(min_length=1, max_length=50)]


class Rejection(BaseModel):
    reasons: Reasons


class Checked(BaseModel):
    """One item of the checklist that the reviewer found to be right."""

    item: Code
    note: Sentence | None = None


class Approval(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    checklist: Annotated[list[Checked], Field(max_length=50)] = []
    """Every item of `GET /miniapps/v1/review-checklist`; 422 `checklist_incomplete` names those that are missing."""


class ChecklistItem(BaseModel):
    item: str
    texts: dict[str, str]


class Claimed(StrEnum):
    FREE = "free"
    MINE = "mine"
    OTHERS = "others"


class QueueFilters(BaseModel):
    flag: Flag | None = None
    claimed: Claimed | None = None
    category: Code | None = None
    division_code: DivisionCode | None = None


class Review(BaseModel):
    """One submission and its outcome. Reviewers are not named."""

    model_config = ConfigDict(from_attributes=True)

    outcome: Outcome
    submitted_at: datetime
    due_at: datetime
    decided_at: datetime | None
    reasons: list[Reason]
    checklist: list[Checked] = []


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
    flag: Flag
    claimed_by: UUID | None
    """Who is at it now; a claim ends by itself."""
    claimed_until: datetime | None

    @classmethod
    def of(cls, review: ReviewRow, at: datetime) -> "WaitingReview":
        release = review.release
        is_claimed = review.claimed_until is not None and review.claimed_until > at
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
            flag=flag_at(at, review.yellow_at, review.due_at),
            claimed_by=review.claimed_by if is_claimed else None,
            claimed_until=review.claimed_until if is_claimed else None,
        )
