"""What residents see: of each app the release published last, in its division or in the whole prefecture."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound
from svc_miniapps.catalogue import schemas
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.reference.categories.service import require_category
from svc_miniapps.reference.divisions.models import PREFECTURE
from svc_miniapps.reference.divisions.service import require_division


async def list_catalogue(
    tx: AsyncSession, division_code: str, category: str | None, page: PageRequest
) -> Page[schemas.Listing]:
    """The apps of a division and of the whole prefecture, those registered last first."""
    await require_division(tx, division_code)
    query = select(Listing).where(Listing.division_code.in_({division_code, PREFECTURE}), Listing.hidden_at.is_(None))
    if category is not None:
        await require_category(tx, category)
        query = query.where(Listing.category == category)
    return await page_of(tx, query, page, Listing.app_id, schemas.Listing.of, newest_first=True)


async def get_listing(tx: AsyncSession, app_id: UUID) -> Listing:
    listing = await tx.get(Listing, app_id)
    if listing is None or listing.hidden_at is not None:
        raise NotFound
    return listing
