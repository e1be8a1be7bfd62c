"""What residents see of each app: the release published last."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import DEFAULT_LANGUAGE
from svc_miniapps.apps.registrations.service import approved_last
from svc_miniapps.packages.models import Package, PackageFace
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.listings.search_words import search_words
from svc_miniapps.publishing.releases.models import Release


async def show_in_catalogue(tx: AsyncSession, release: Release) -> None:
    """Let residents see a release in the place of the one before; the app is locked by the caller."""
    face = await tx.get(PackageFace, release.package_id)
    texts = await _texts(tx, release)
    listing = Listing(
        app_id=release.app_id,
        release_id=release.id,
        package_id=release.package_id,
        division_code=release.app.division_code,
        category=release.category,
        name=release.app.name,
        short_description=release.short_description,
        languages=release.languages,
        texts=texts,
        search_words=search_words(each["name"] for each in texts.values()),
        min_platform_code=face.min_platform_code if face else 1,
        icon_sha256=face.icon_sha256 if face else None,
        published_at=release.published_at,
    )
    await tx.merge(listing)


async def _texts(tx: AsyncSession, release: Release) -> dict[str, dict[str, str]]:
    """In Chinese as the release was approved, in other languages as the registration was."""
    registration = await approved_last(tx, release.app_id)
    registered = {
        each["language"]: {"name": each["name"], "short_description": each["description"]}
        for each in (registration.texts if registration else ())
        if each["language"].partition("-")[0].lower() != DEFAULT_LANGUAGE
    }
    chinese = {"name": release.app.name, "short_description": release.short_description}
    return registered | {DEFAULT_LANGUAGE: chinese}


async def listed_version_code(tx: AsyncSession, app_id: UUID) -> int:
    """The version residents have, 0 when they have none."""
    query = select(Package.version_code).join(Listing, Listing.package_id == Package.id)
    return await tx.scalar(query.where(Listing.app_id == app_id)) or 0
