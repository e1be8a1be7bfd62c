"""What residents see of each app: the release published last."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_miniapps.packages.models import Package
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.releases.models import Release


async def show_in_catalogue(tx: AsyncSession, release: Release) -> None:
    """Let residents see a release in the place of the one before; the app is locked by the caller."""
    listing = Listing(
        app_id=release.app_id,
        release_id=release.id,
        package_id=release.package_id,
        division_code=release.app.division_code,
        category=release.category,
        name=release.app.name,
        short_description=release.short_description,
        languages=release.languages,
        published_at=release.published_at,
    )
    await tx.merge(listing)


async def listed_version_code(tx: AsyncSession, app_id: UUID) -> int:
    """The version residents have, 0 when they have none."""
    query = select(Package.version_code).join(Listing, Listing.package_id == Package.id)
    return await tx.scalar(query.where(Listing.app_id == app_id)) or 0
