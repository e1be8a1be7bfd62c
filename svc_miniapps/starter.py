"""`python -m svc_miniapps.starter`: the divisions and the seven categories; running it again updates them.

It also reserves the names of apps anew, since names that were apart may read the same by a later `key_of`.
"""

import asyncio
import sys
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.settings import load
from kit.starter_data import upsert_csv
from svc_miniapps.apps.models import App
from svc_miniapps.apps.names.models import AppName
from svc_miniapps.apps.names.service import add_keys
from svc_miniapps.apps.service import names_of
from svc_miniapps.reference.categories.models import Category
from svc_miniapps.reference.divisions.models import Division
from svc_miniapps.settings import Settings

REFERENCE_DATA = Path(__file__).parents[1] / "contracts" / "reference_data"


async def load_starter_data(database: Database) -> tuple[int, int]:
    """How many divisions and categories there are."""
    async with database.transaction() as tx:
        divisions = await upsert_csv(tx, Division, REFERENCE_DATA / "divisions.csv")
        categories = await upsert_csv(tx, Category, REFERENCE_DATA / "mini_app_categories.csv")
        await _reserve_names(tx)
    return divisions, categories


async def _reserve_names(tx: AsyncSession) -> None:
    """In the order of registration: of two apps that read the same since before, the older one has the name."""
    named = select(App).where(App.id.in_(select(AppName.app_id))).order_by(App.id)
    for app in await tx.scalars(named):
        await add_keys(tx, app.id, app.division_code, await names_of(tx, app))


async def _main() -> None:
    database = Database.of(load(Settings))
    divisions, categories = await load_starter_data(database)
    await database.close()
    sys.stdout.write(f"svc_miniapps: {divisions} divisions, {categories} categories.\n")


if __name__ == "__main__":
    asyncio.run(_main())
