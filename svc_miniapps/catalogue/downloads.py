"""Bytes that the catalogue promises: packages, differences and icons, each by its digest."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.db import now
from chassis.problems import NotFound
from svc_miniapps.catalogue.deltas.models import PackageDelta
from svc_miniapps.packages.download import Stored
from svc_miniapps.packages.models import Icon, Package
from svc_miniapps.publishing.gray.models import GrayListing
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.releases.models import Release
from svc_miniapps.publishing.signatures.models import PackageSignature

SUPERSEDED_DAYS = 7
"""For how long a version is served after the next one was published: a download on a slow network goes on."""
DELTA_MEDIA_TYPE = "application/vnd.myili.package-delta+zstd"


async def published_package(tx: AsyncSession, app_id: UUID, sha256: str) -> tuple[Package, str | None]:
    """A version that residents have, or had a week ago at most, and its signature.

    Raises:
        NotFound: also where the app is no longer listed, and for a version that residents never had.
    """
    following = aliased(Release)
    long_superseded = (
        select(following.id)
        .where(
            following.app_id == app_id,
            following.published_at > Release.published_at,
            following.published_at < now() - timedelta(days=SUPERSEDED_DAYS),
        )
        .exists()
    )
    is_gray = select(GrayListing.app_id).where(GrayListing.package_id == Package.id, GrayListing.ended_at.is_(None))
    is_listed = Listing.package_id == Package.id
    query = (
        select(Package, PackageSignature.jws)
        .join(Listing, Listing.app_id == Package.app_id)
        .join(Release, Release.package_id == Package.id)
        .outerjoin(PackageSignature, PackageSignature.package_id == Package.id)
        .where(Package.app_id == app_id, Package.sha256 == sha256, Listing.hidden_at.is_(None))
        .where(is_gray.exists() | is_listed | (Release.published_at.is_not(None) & ~long_superseded))
        .order_by(is_listed.desc(), Package.version_code.desc())  # two versions may have the same bytes
        .limit(1)
    )
    found = (await tx.execute(query)).one_or_none()
    if found is None:
        raise NotFound
    package, signature = found
    return package, signature


async def delta_file(tx: AsyncSession, app_id: UUID, sha256: str) -> Stored:
    """A difference to the listed version of an app.

    Raises:
        NotFound
    """
    query = (
        select(PackageDelta)
        .join(Listing, Listing.package_id == PackageDelta.to_package_id)
        .where(Listing.app_id == app_id, Listing.hidden_at.is_(None), PackageDelta.sha256 == sha256)
        .limit(1)
    )
    delta = await tx.scalar(query)
    if delta is None or delta.object_key is None or delta.size_bytes is None:
        raise NotFound
    return Stored(delta.object_key, sha256, delta.size_bytes, DELTA_MEDIA_TYPE, f"{app_id}.delta")


async def listed_icon(tx: AsyncSession, sha256: str) -> Icon:
    """An icon of an app that is listed.

    Raises:
        NotFound
    """
    shown = select(Listing.app_id).where(Listing.icon_sha256 == Icon.sha256, Listing.hidden_at.is_(None)).exists()
    icon = await tx.scalar(select(Icon).where(Icon.sha256 == sha256, shown))
    if icon is None:
        raise NotFound
    return icon
