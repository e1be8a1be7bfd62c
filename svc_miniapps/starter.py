"""`python -m svc_miniapps.starter`: the divisions and the seven categories; running it again updates them."""

import asyncio
import sys
from pathlib import Path

from chassis.db import Database
from chassis.settings import load
from kit.starter_data import upsert_csv
from svc_miniapps.reference.categories.models import Category
from svc_miniapps.reference.divisions.models import Division
from svc_miniapps.settings import Settings

REFERENCE_DATA = Path(__file__).parents[1] / "contracts" / "reference_data"


async def load_starter_data(database: Database) -> tuple[int, int]:
    """How many divisions and categories there are."""
    async with database.transaction() as tx:
        divisions = await upsert_csv(tx, Division, REFERENCE_DATA / "divisions.csv")
        categories = await upsert_csv(tx, Category, REFERENCE_DATA / "mini_app_categories.csv")
    return divisions, categories


async def _main() -> None:
    database = Database.of(load(Settings))
    divisions, categories = await load_starter_data(database)
    await database.close()
    sys.stdout.write(f"svc_miniapps: {divisions} divisions, {categories} categories.\n")


if __name__ == "__main__":
    asyncio.run(_main())
