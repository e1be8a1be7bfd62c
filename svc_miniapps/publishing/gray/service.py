"""What a signed-in person gets of apps in a gray release."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from svc_miniapps.publishing.gray.audience import gets
from svc_miniapps.publishing.gray.models import GrayListing
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.testers.models import Tester
from svc_miniapps.reference.divisions.models import PREFECTURE


async def gray_for(
    tx: AsyncSession, person_id: UUID, division_code: str, app_ids: Sequence[UUID] | None = None
) -> dict[UUID, GrayListing]:
    """The gray listings that this person gets instead of the published ones, by app.

    An app that is hidden has none. Somebody who is not signed in gets what is published.

    Args:
        tx: only read.
        person_id: who is signed in.
        division_code: whose catalogue the person reads.
        app_ids: only of these apps; by default of all in the division's catalogue.
    """
    named = and_(Tester.app_id == GrayListing.app_id, Tester.person_id == person_id)
    query = (
        select(GrayListing, Tester.app_id.is_not(None))
        .join(Listing, Listing.app_id == GrayListing.app_id)
        .outerjoin(Tester, named)
        .where(GrayListing.ended_at.is_(None), Listing.hidden_at.is_(None))
    )
    if app_ids is None:
        query = query.where(GrayListing.division_code.in_({division_code, PREFECTURE}))
    else:
        query = query.where(GrayListing.app_id.in_(app_ids))
    return {
        gray.app_id: gray
        for gray, is_tester in await tx.execute(query)
        if gets(
            app_id=gray.app_id,
            person_id=person_id,
            division_code=division_code,
            is_tester=is_tester,
            first_division_code=gray.first_division_code,
            percent=gray.percent,
        )
    }


async def running_gray(tx: AsyncSession, app_id: UUID) -> GrayListing | None:
    """The app's gray release, if there is one now."""
    running = GrayListing.app_id == app_id, GrayListing.ended_at.is_(None)
    return await tx.scalar(select(GrayListing).where(*running).execution_options(populate_existing=True))


async def end_gray(tx: AsyncSession, app_id: UUID) -> None:
    """End the app's gray release, if there is one; the app is locked by the caller."""
    if gray := await running_gray(tx, app_id):
        gray.ended_at = now()
