"""What residents see: of each app the release published last, in its division or in the whole prefecture."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound
from svc_miniapps.catalogue import schemas
from svc_miniapps.catalogue.models import Listing
from svc_miniapps.categories.service import require_category
from svc_miniapps.divisions.models import PREFECTURE
from svc_miniapps.divisions.service import require_division
from svc_miniapps.packages.models import Package
from svc_miniapps.releases.models import Release


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


async def list_catalogue(
    tx: AsyncSession, division_code: str, category: str | None, page: PageRequest
) -> Page[schemas.Listing]:
    """The apps of a division and of the whole prefecture, those registered last first."""
    await require_division(tx, division_code)
    query = select(Listing).where(Listing.division_code.in_({division_code, PREFECTURE}))
    if category is not None:
        await require_category(tx, category)
        query = query.where(Listing.category == category)
    return await page_of(tx, query, page, Listing.app_id, schemas.Listing.of, newest_first=True)


async def get_listing(tx: AsyncSession, app_id: UUID) -> Listing:
    listing = await tx.get(Listing, app_id)
    if listing is None:
        raise NotFound
    return listing
