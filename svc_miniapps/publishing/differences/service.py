"""The difference of a release to what residents have; the store is never asked in a transaction."""

import asyncio
import tempfile
from uuid import UUID

from obstore.store import ObjectStore
from sqlalchemy import select

from chassis.auth import Caller
from chassis.db import Database
from svc_miniapps.packages import store
from svc_miniapps.packages.models import Package
from svc_miniapps.packages.schemas import Version
from svc_miniapps.publishing.differences import schemas
from svc_miniapps.publishing.differences.compare import Content, content_of
from svc_miniapps.publishing.domains.queries import registered_domains
from svc_miniapps.publishing.listings.models import Listing
from svc_miniapps.publishing.releases.service import get_release

_AT_ONCE = asyncio.Semaphore(2)
"""Each unpacks two packages."""


async def difference_of(
    database: Database, objects: ObjectStore, caller: Caller, release_id: UUID
) -> schemas.Difference:
    """The difference of a release to the version that residents have now.

    Raises:
        NotFound
        TryLater: the store does not answer.
    """
    async with database.read() as tx:
        package = (await get_release(tx, caller, release_id)).package
        of_app = select(Package).join(Listing, Listing.package_id == Package.id)
        registered = await registered_domains(tx, package.app_id)
        published = await tx.scalar(of_app.where(Listing.app_id == package.app_id))
    async with _AT_ONCE:
        before = await _content(objects, published) if published else Content()
        after = await _content(objects, package)
    files = schemas.files_between(before, after)
    return schemas.Difference(
        release_id=release_id,
        version=Version.of(package),
        published_version=Version.of(published) if published else None,
        files=files,
        unchanged_files=len(after.files) - sum(file.after_sha256 is not None for file in files),
        domains=schemas.names_between(before.domains, after.domains),
        registered_domains=registered,
        permissions=schemas.names_between(before.permissions, after.permissions),
        pages=schemas.names_between(before.pages, after.pages),
    )


async def _content(objects: ObjectStore, package: Package) -> Content:
    with tempfile.TemporaryFile() as file:
        async for chunk in await store.stream(objects, package.object_key):
            file.write(chunk)
        file.seek(0)
        return await asyncio.to_thread(content_of, file)
