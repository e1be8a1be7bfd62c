"""What a signed-in person has of gray releases, as entries beside those of the catalogue."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_miniapps.catalogue.entries import Catalogue, Entry
from svc_miniapps.packages.models import PackageFace
from svc_miniapps.publishing.gray.models import GrayListing
from svc_miniapps.publishing.gray.service import gray_for
from svc_miniapps.publishing.signatures.service import signatures_of


async def gray_entries(
    tx: AsyncSession,
    catalogue: Catalogue,
    person_id: UUID,
    division_code: str,
    app_ids: Sequence[UUID] | None = None,
) -> dict[UUID, Entry]:
    """Of these apps, or all of the division, those of which the person has another version than the catalogue."""
    gray = await gray_for(tx, person_id, division_code, app_ids)
    packages = [each.package_id for each in gray.values()]
    faces = {face.package_id: face for face in await tx.scalars(_faces(packages))} if packages else {}
    signatures = await signatures_of(tx, packages) if packages else {}
    return {
        app_id: _entry(catalogue.entries[app_id], each, faces.get(each.package_id), signatures.get(each.package_id))
        for app_id, each in gray.items()
        if app_id in catalogue.entries
    }


def _faces(package_ids: Sequence[UUID]) -> Select[PackageFace]:
    return select(PackageFace).where(PackageFace.package_id.in_(package_ids))


def _entry(listed: Entry, gray: GrayListing, face: PackageFace | None, signature: str | None) -> Entry:
    return replace(
        listed,
        release_id=gray.release_id,
        version_code=gray.package.version_code,
        version_name=gray.package.version_name,
        sha256=gray.package.sha256,
        size_bytes=gray.package.size_bytes,
        signature=signature,
        min_platform_code=face.min_platform_code if face else 1,
        deltas={},
        written={},
        updates={},
    )
