"""The pages of packages, read from the store once for each package and process: no package ever changes."""

import asyncio
import json
import tempfile
import zipfile
from typing import IO, Any
from uuid import UUID

from cachetools import LRUCache
from obstore.store import ObjectStore
from sqlalchemy import select

from chassis.db import Database
from chassis.problems import NotFound
from svc_miniapps.packages import store
from svc_miniapps.packages.models import Package

_AT_ONCE = asyncio.Semaphore(2)
_PAGES: LRUCache[tuple[UUID, str], tuple[str, ...]] = LRUCache(4_096)
_HTML = ".html"


async def pages_of(database: Database, objects: ObjectStore, app_id: UUID, sha256: str) -> tuple[str, ...]:
    """The pages of a package as its manifest names them, the first one first.

    Raises:
        NotFound
        TryLater: the store does not answer.
    """
    if known := _PAGES.get((app_id, sha256)):
        return known
    async with database.read() as tx:
        query = select(Package.object_key).where(Package.app_id == app_id, Package.sha256 == sha256).limit(1)
        object_key = await tx.scalar(query)
    if object_key is None:
        raise NotFound
    async with _AT_ONCE:
        if (app_id, sha256) not in _PAGES:
            _PAGES[app_id, sha256] = await _read(objects, object_key)
    return _PAGES[app_id, sha256]


async def _read(objects: ObjectStore, object_key: str) -> tuple[str, ...]:
    with tempfile.TemporaryFile() as file:
        async for chunk in await store.stream(objects, object_key):
            file.write(chunk)
        file.seek(0)
        return await asyncio.to_thread(_declared, file)


def _declared(file: IO[bytes]) -> tuple[str, ...]:
    with zipfile.ZipFile(file) as archive:
        manifest: dict[str, Any] = json.loads(archive.read("manifest.json"))
    return tuple(page.removeprefix("/") for page in manifest["pages"])


def page_named(pages: tuple[str, ...], wanted: str) -> str | None:
    """The page as the manifest names it; an address may have it with `.html` or without."""
    if not wanted:
        return pages[0]
    return next((page for page in pages if page.removesuffix(_HTML) == wanted.removesuffix(_HTML)), None)
