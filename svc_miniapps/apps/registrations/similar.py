"""Finds apps that do the same: alike in names, purposes or declared services, in this division and above."""

from collections.abc import Collection, Sequence
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_miniapps.apps.models import App
from svc_miniapps.apps.registrations.models import IN_FORCE, AppRegistration
from svc_miniapps.apps.registrations.schemas import Candidate
from svc_miniapps.fields import key_of
from svc_miniapps.reference.divisions.models import PREFECTURE

_MOST_APPS = 5_000
_MOST_CANDIDATES = 10
_ALIKE = 50
"""Per cent from which two are alike; half of their pairs of characters are the same."""
Pairs = frozenset[str]
Part = Literal["name", "purposes", "services"]


async def find_similar(
    tx: AsyncSession,
    division_code: str,
    names: Collection[str],
    purposes: Collection[str],
    services: Collection[str],
    *,
    other_than: UUID | None = None,
) -> list[Candidate]:
    """The apps most like it, the most alike first."""
    wanted: dict[Part, list[Pairs]] = {
        "name": [_pairs(name) for name in names],
        "purposes": [_pairs(purpose) for purpose in purposes],
        "services": [frozenset(services)],
    }
    found = []
    for app, said in await _apps(tx, division_code):
        if app.id == other_than:
            continue
        scores = {part: _likeness(values, _of(app, said, part)) for part, values in wanted.items()}
        alike: list[Part] = [part for part, score in scores.items() if score >= _ALIKE]
        if alike:
            score = max(scores.values())
            about = {"app_id": app.id, "division_code": app.division_code, "name": app.name}
            found.append(Candidate(score=score, alike=alike, **about))
    return sorted(found, key=lambda each: -each.score)[:_MOST_CANDIDATES]


async def _apps(tx: AsyncSession, division_code: str) -> list[tuple[App, Sequence[AppRegistration]]]:
    """The apps of the division and of the prefecture, newest first, with what their teams say of them."""
    apps = (
        await tx.scalars(
            select(App)
            .where(App.division_code.in_({division_code, PREFECTURE}))
            .order_by(App.id.desc())
            .limit(_MOST_APPS)
        )
    ).all()
    query = select(AppRegistration).where(
        AppRegistration.app_id.in_([app.id for app in apps]), AppRegistration.status.in_(IN_FORCE)
    )
    said: dict[UUID, list[AppRegistration]] = {}
    for registration in await tx.scalars(query):
        said.setdefault(registration.app_id, []).append(registration)
    return [(app, said.get(app.id, [])) for app in apps]


def _of(app: App, said: Sequence[AppRegistration], part: Part) -> list[Pairs]:
    if part == "name":
        return [_pairs(app.name), *(_pairs(each["name"]) for one in said for each in one.texts)]
    if part == "purposes":
        return [_pairs(app.short_description), *(_pairs(purpose) for one in said for purpose in one.purposes)]
    return [frozenset(one.services) for one in said]


def _pairs(text: str) -> Pairs:
    """Pairs of characters as a reader sees them: words need no spaces between them in Chinese."""
    key = key_of(text)
    return frozenset(key[place : place + 2] for place in range(max(1, len(key) - 1)))


def _likeness(values: Collection[Pairs], others: Collection[Pairs]) -> int:
    """Dice's coefficient of the two most alike, in per cent."""
    shares = [
        200 * len(value & other) // (len(value) + len(other)) for value in values for other in others if value and other
    ]
    return max(shares, default=0)
