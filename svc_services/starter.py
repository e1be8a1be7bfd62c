"""`python -m svc_services.starter`: loads the reference data of this service. Idempotent."""

import asyncio
import json
import sys
from pathlib import Path

from chassis.db import Database
from chassis.settings import load
from kit.starter_data import upsert_csv
from svc_services.calendar.changes.starter import load_missing
from svc_services.cases.workflows.limits import workflow_of
from svc_services.cases.workflows.starter import publish_missing
from svc_services.catalogue.service_items.starter import publish_missing_guides
from svc_services.reference.models import Division, Township, UtilityKindEntry
from svc_services.settings import Settings

REFERENCE_DATA = Path(__file__).parents[1] / "contracts" / "reference_data"
_WORKFLOWS = json.loads((REFERENCE_DATA / "workflows.json").read_text("utf-8"))
_GUIDES = json.loads((REFERENCE_DATA / "service_items.json").read_text("utf-8"))


async def load_reference_data(database: Database) -> str:
    """Update kinds, divisions and townships, and publish missing workflows and guides. Returns what was loaded."""
    async with database.transaction() as tx:
        kinds = await upsert_csv(tx, UtilityKindEntry, REFERENCE_DATA / "utility_kinds.csv")
        divisions = await upsert_csv(tx, Division, REFERENCE_DATA / "divisions.csv")
        townships = await upsert_csv(tx, Township, REFERENCE_DATA / "townships.csv")
        workflows = await publish_missing(tx, _WORKFLOWS["workflows"], _WORKFLOWS["labels"])
        guides = await publish_missing_guides(tx, _GUIDES, workflow_of)
    loaded = f"{kinds} utility kinds, {divisions} divisions, {townships} townships"
    return f"{loaded}, {workflows} new workflows, {guides} new guides"


async def load_calendar(database: Database) -> str:
    """Add the years that the calendar has not. Returns a phrase with what was loaded."""
    async with database.transaction() as tx:
        years = await load_missing(tx)
    return f"{years} new years of the calendar"


async def main() -> None:
    database = Database.of(load(Settings))
    loaded = (await load_reference_data(database), await load_calendar(database))
    await database.close()
    sys.stdout.write(f"svc_services: {', '.join(loaded)}.\n")


if __name__ == "__main__":
    asyncio.run(main())
