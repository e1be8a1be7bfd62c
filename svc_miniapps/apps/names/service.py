"""Names: reserved in every catalogue that shows the app, and flagged where they sound like somebody with power."""

import csv
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path
from uuid import UUID

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.problems import Problem
from svc_miniapps.apps.names.models import AppName
from svc_miniapps.fields import key_of
from svc_miniapps.reference.divisions.models import PREFECTURE, Division

_LONG = 6
_LATIN = re.compile("[a-z0-9]+")
_WORDS = Path(__file__).with_name("flagged_words.csv")


class NameTaken(Problem):
    status, code = 409, "name_taken"


async def reserve(tx: AsyncSession, app_id: UUID, division_code: str, names: Collection[str]) -> None:
    """Give an app exactly these names in every catalogue that shows it.

    Raises:
        NameTaken: a resident would read the name of another app. The transaction must not be committed.
    """
    keys = {key_of(name): name for name in names}
    divisions = await _showing(tx, division_code)
    await tx.execute(delete(AppName).where(AppName.app_id == app_id))
    # In one order, so that two apps that want the same names wait for each other and never in a circle.
    rows = [{"division_code": division, "key": key, "app_id": app_id} for key in sorted(keys) for division in divisions]
    taken = await tx.scalars(insert(AppName).on_conflict_do_nothing().returning(AppName.key), rows)
    reserved = list(taken)
    if len(reserved) < len(rows):
        refused = next(key for key in keys if reserved.count(key) < len(divisions))
        raise NameTaken(name=keys[refused])


async def add_keys(tx: AsyncSession, app_id: UUID, division_code: str, names: Collection[str]) -> None:
    """Reserve an app's names by today's `key_of`, beside its older keys; a key that another app has stays with it."""
    keys = sorted({key_of(name) for name in names})
    divisions = await _showing(tx, division_code)
    rows = [{"division_code": division, "key": key, "app_id": app_id} for key in keys for division in divisions]
    await tx.execute(insert(AppName).on_conflict_do_nothing(), rows)


async def _showing(tx: AsyncSession, division_code: str) -> list[str]:
    """The divisions whose catalogues show the apps of this one."""
    if division_code != PREFECTURE:
        return [division_code]
    within = or_(Division.parent == PREFECTURE, Division.code == PREFECTURE)
    return list(await tx.scalars(select(Division.code).where(within).order_by(Division.code)))


def flags_of(names: Collection[str]) -> list[str]:
    """The kinds of body that these names sound like: reviewers look at those twice, nothing is refused."""
    found = {kind for kind, word, is_latin in _words() for name in names if _contains(name, word, is_latin=is_latin)}
    return sorted(found)


def _contains(name: str, word: str, *, is_latin: bool) -> bool:
    """By what people see. Short Latin words stand alone: "tax" is none of "taxi"; long ones may stand in others."""
    if not is_latin or len(word) >= _LONG:
        return word in key_of(name)
    parts = "".join(each if each.isalnum() else " " for each in name).split()
    return any(word in _LATIN.findall(key_of(part)) for part in parts)


@cache
def _words() -> list[tuple[str, str, bool]]:
    with _WORDS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [(row["kind"], key_of(row["word"]), row["word"].isascii()) for row in rows]
