"""The starter data publishes what it has changed, and nothing over what operators have published."""

import json
from typing import Any

from sqlalchemy import select, update

from chassis.db import Database, new_id
from svc_services.cases.workflows.models import ApplicationKind, Workflow
from svc_services.cases.workflows.starter import publish_missing
from svc_services.starter import REFERENCE_DATA

KINDS = {"utility_kind": "water", "application_kind": ApplicationKind.NEW_CONNECTION}


async def load(database: Database) -> int:
    known = json.loads((REFERENCE_DATA / "workflows.json").read_text("utf-8"))
    async with database.transaction() as tx:
        return await publish_missing(tx, known["workflows"], known["labels"])


async def change(database: Database, **values: Any) -> None:  # noqa: ANN401 - of columns
    """As if an earlier release had loaded something else, or an operator had published it."""
    async with database.transaction() as tx:
        await tx.execute(update(Workflow).filter_by(**KINDS).values(**values))


async def versions(database: Database) -> list[int | None]:
    async with database.read() as tx:
        return list(await tx.scalars(select(Workflow.version).filter_by(**KINDS).order_by(Workflow.version)))


async def test_a_changed_workflow_of_the_starter_data_becomes_the_next_version(database: Database) -> None:
    await load(database)
    before = await versions(database)
    assert (await load(database), await versions(database)) == (0, before)
    await change(database, form={"type": "object", "properties": {}, "additionalProperties": False})
    assert (await load(database), await load(database)) == (1, 0)
    assert await versions(database) == [*before, (before[-1] or 0) + 1]


async def test_what_an_operator_has_published_stays(database: Database) -> None:
    await load(database)
    before = await versions(database)
    other = {"type": "object", "properties": {}, "additionalProperties": False}
    await change(database, form=other, proposed_by=new_id())
    assert (await load(database), await versions(database)) == (0, before)
