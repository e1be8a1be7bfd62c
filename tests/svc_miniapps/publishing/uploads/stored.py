"""What an upload leaves in the database and in the store."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from chassis.db import Database
from svc_miniapps.packages.models import Package as PackageRow
from svc_miniapps.packages.models import PackageObject
from svc_miniapps.publishing.releases.models import Release


async def stored(database: Database) -> tuple[int, int]:
    """The numbers of packages and releases."""
    async with database.read() as tx:
        packages = await tx.scalar(select(func.count()).select_from(PackageRow))
        releases = await tx.scalar(select(func.count()).select_from(Release))
    return packages or 0, releases or 0


def objects(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def age(database: Database) -> None:
    """Two days pass for all stored objects."""
    async with database.transaction() as tx:
        await tx.execute(update(PackageObject).values(touched_at=func.now() - timedelta(days=2)))
