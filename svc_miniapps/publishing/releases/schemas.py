from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from svc_miniapps.packages.schemas import Version
from svc_miniapps.publishing.releases.models import Release as ReleaseRow
from svc_miniapps.publishing.releases.models import Status
from svc_miniapps.publishing.reviews.schemas import Review


class Submission(BaseModel):
    publish_on_approval: bool = True
    """False keeps an approved release back until the team publishes it."""


class Release(BaseModel):
    release_id: UUID
    app_id: UUID
    package_id: UUID
    status: Status
    name: str
    short_description: str
    category: str
    division_code: str
    languages: list[str]
    version: Version
    sha256: str
    size_bytes: int
    publish_on_approval: bool
    reviews: list[Review]
    """Every submission so far, the latest last."""
    created_at: datetime
    published_at: datetime | None

    @classmethod
    def of(cls, release: ReleaseRow) -> "Release":
        return cls(
            release_id=release.id,
            app_id=release.app_id,
            package_id=release.package_id,
            status=release.status,
            name=release.app.name,
            short_description=release.short_description,
            category=release.category,
            division_code=release.app.division_code,
            languages=release.languages,
            version=Version.of(release.package),
            sha256=release.package.sha256,
            size_bytes=release.package.size_bytes,
            publish_on_approval=release.publish_on_approval,
            reviews=[Review.model_validate(review) for review in release.reviews],
            created_at=release.created_at,
            published_at=release.published_at,
        )
