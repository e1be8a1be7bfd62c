from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from chassis.outbox import Event
from svc_miniapps.publishing.releases.models import Release


class ReleaseEvent(Event):
    """The fields of every release event. Staff appear by id."""

    key_field: ClassVar[str] = "release_id"

    release_id: UUID
    app_id: UUID
    version: str
    version_code: int
    division_code: str
    category: str

    @classmethod
    def of(cls, release: Release, **more: object) -> Self:
        fields = {
            "release_id": release.id,
            "app_id": release.app_id,
            "version": release.package.version_name,
            "version_code": release.package.version_code,
            "division_code": release.app.division_code,
            "category": release.category,
        }
        return cls.model_validate({**fields, **more})


class ReleaseSubmitted(ReleaseEvent):
    """A county team has requested a review."""

    event_type: ClassVar[str] = "cn.ili.miniapps.release.submitted.v1"

    submitted_by: UUID
    """The person, by id."""


class ReleaseApproved(ReleaseEvent):
    """A reviewer of another organisation approved; `published` follows at once unless the team keeps it back."""

    event_type: ClassVar[str] = "cn.ili.miniapps.release.approved.v1"

    reviewer_id: UUID


class ReleaseRejected(ReleaseEvent):
    """A reviewer has rejected the release; the comments are for the team alone."""

    event_type: ClassVar[str] = "cn.ili.miniapps.release.rejected.v1"

    reviewer_id: UUID
    reason_codes: list[str]


class ReleasePublished(ReleaseEvent):
    """Residents of the division have this release now, in the place of the one before."""

    event_type: ClassVar[str] = "cn.ili.miniapps.release.published.v1"

    sha256: str
    size_bytes: int
    is_rollback: bool = False
    """Whether an earlier release was published again."""


class ReleaseGrayChanged(ReleaseEvent):
    """Some persons have this release in the place of the published one; of later events each reaches more of them."""

    event_type: ClassVar[str] = "cn.ili.miniapps.release.gray_changed.v1"

    stage: str
    percent: int
    first_division_code: str | None
    ends_at: datetime


class ReleaseGrayWithdrawn(ReleaseEvent):
    """Everybody has the published release again; this one is not published any more."""

    event_type: ClassVar[str] = "cn.ili.miniapps.release.gray_withdrawn.v1"

    cause: str
    """`team`, or `time`: it was neither published nor withdrawn within its time."""
