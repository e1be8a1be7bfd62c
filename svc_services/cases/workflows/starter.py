"""The workflows of the starter data, and their next versions when it has changed."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from svc_services.base import lock
from svc_services.cases.workflows.definition import SUBMIT
from svc_services.cases.workflows.schemas import NewWorkflow
from svc_services.cases.workflows.service import checked, newest_of, number

_SAID = ("application_kind", "definition", "form")


async def publish_missing(
    tx: AsyncSession, entries: Iterable[dict[str, Any]], labels: Mapping[str, dict[str, str]]
) -> int:
    """Publish workflows that are missing, and those that differ from the last version if that is of the starter data.

    What operators have published stays. Returns how many were published.
    """
    await lock(tx, "first workflows")
    published = 0
    for entry in entries:
        for utility_kind in entry["utility_kinds"]:
            new = NewWorkflow(utility_kind=utility_kind, **labelled(entry, labels))
            newest = await newest_of(tx, new.utility_kind, new.application_kind)
            if newest is None or (
                newest.proposed_by is None and (newest.rules, newest.form) != (new.definition, new.form)
            ):
                workflow = checked(new)
                await number(tx, workflow)
                tx.add(workflow)
                await tx.flush()
                published += 1
    return published


def labelled(entry: dict[str, Any], labels: Mapping[str, dict[str, str]]) -> dict[str, Any]:
    """An entry of the starter data with the labels of what it names."""
    own = {name: labels[name] for name in _names(entry) if name in labels}
    return {name: entry[name] for name in _SAID} | {"definition": entry["definition"] | {"labels": own}}


def _names(entry: dict[str, Any]) -> Iterator[str]:
    yield SUBMIT
    yield from (each["name"] for part in ("states", "actions") for each in entry["definition"][part])
    yield from (each["kind"] for each in entry["definition"].get("materials", ()))
    for name, field in entry["form"]["properties"].items():
        yield from (name, *field.get("enum", ()))
