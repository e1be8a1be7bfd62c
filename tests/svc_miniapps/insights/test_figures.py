"""Figures of days that are over: groups of ten, and nothing left of who opened what."""

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, update

from chassis.db import Database, new_id
from kit.calendar import today
from svc_miniapps.insights.errors import service as errors
from svc_miniapps.insights.figures.groups import merged
from svc_miniapps.insights.figures.models import AppFigure
from svc_miniapps.insights.figures.worker import count_days
from svc_miniapps.insights.openings.models import DayKey, Opening
from tests.svc_miniapps.insights.phones import ME, opened, reported
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, Json, Stage, outcome

YESTERDAY = timedelta(days=1)


async def day_passes(database: Database) -> None:
    """What was reported today was reported yesterday."""
    async with database.transaction() as tx:
        for table in (Opening, DayKey):
            await tx.execute(update(table).values(day=table.day - 1))


async def figures(stage: Stage, app: Json) -> list[Json]:
    answer = await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/figures", headers=stage.team)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def rows(database: Database, table: type) -> int:
    async with database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(table)) or 0


@pytest.mark.parametrize(
    ("people", "shown"),
    [
        ({}, {}),
        ({"a": 9}, {}),
        ({"a": 10}, {"a": 10}),
        ({"a": 9, "b": 9}, {None: 18}),
        ({"a": 10, "b": 1}, {None: 11}),
        ({"a": 12, "b": 30, "c": 3}, {"b": 30, None: 15}),
        ({"a": 12, "b": 8, "c": 3}, {"a": 12, None: 11}),
    ],
)
def test_no_group_and_no_difference_is_of_fewer_than_ten(people: dict[str, int], shown: dict[str | None, int]) -> None:
    assert merged(people) == shown


async def test_a_day_is_counted_when_it_is_over_and_nothing_tells_who_it_was(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await stage.published(app)
    for division_code, people in ((YINING, 11), (KUYTUN, 4), (PREFECTURE, 7)):
        for _ in range(people):
            assert (await opened(stage, stage.person(), app, division_code=division_code)).status_code == 204
    assert await count_days(database) == 0
    assert await figures(stage, app) == []
    await day_passes(database)
    assert [await count_days(database) for _ in range(2)] == [1, 0]
    (figure,) = await figures(stage, app)
    assert figure["people"] == [
        {"division_code": YINING, "people": 11},
        {"division_code": None, "people": 11},
    ]
    assert (figure["opens"], figure["errors"], figure["version_code"]) == (22, 0, 1)
    assert date.fromisoformat(figure["day"]) == today() - YESTERDAY
    assert await rows(database, Opening) + await rows(database, DayKey) == 0


async def test_a_report_repeated_counts_once_and_a_person_with_two_phones_is_one(
    stage: Stage, database: Database
) -> None:
    app, person_id = await stage.registered(), new_id()
    await stage.published(app)
    person, again = stage.person(person_id=person_id), str(new_id())
    await asyncio.gather(*(opened(stage, person, app, opening_id=again) for _ in range(3)))
    await opened(stage, person, app)
    async with database.read() as tx:
        assert (await tx.scalars(select(Opening.opens))).all() == [2]


async def test_the_digests_of_one_person_differ_by_app_and_by_day(stage: Stage, database: Database) -> None:
    parking, buses = await stage.registered(), await stage.registered(name="公交到站")
    person = stage.person()
    for app in (parking, buses):
        await stage.published(app)
        await opened(stage, person, app)
    await day_passes(database)
    await opened(stage, person, parking)
    async with database.read() as tx:
        digests = (await tx.scalars(select(Opening.digest))).all()
    assert len(set(digests)) == len(digests) == 3


async def test_two_workers_count_a_day_once(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await stage.published(app)
    await opened(stage, stage.person(), app)
    await day_passes(database)
    assert sum(await asyncio.gather(*(count_days(database) for _ in range(3)))) == 1
    assert [(each["opens"], each["people"]) for each in await figures(stage, app)] == [(1, [])]


async def test_what_comes_after_the_count_adds_openings_and_no_people(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await stage.published(app)
    for _ in range(2):
        await opened(stage, stage.person(), app)
        await day_passes(database)
        assert await count_days(database) == 1
    assert [(each["opens"], each["people"]) for each in await figures(stage, app)] == [(2, [])]
    assert await rows(database, AppFigure) == 1


async def test_errors_are_counted_by_page_and_code_and_limited_for_each_person(
    stage: Stage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, person = await stage.registered(), stage.person()
    await stage.published(app)
    path = f"/miniapps/v1/apps/{app['app_id']}/errors"
    answers = [(await reported(stage, person, app)).json()["counted"] for _ in range(21)]
    assert answers == [True] * 20 + [False]
    monkeypatch.setattr(errors, "MOST_KINDS", 2)
    for code in ("y", "z", "w"):
        assert (await reported(stage, stage.person(), app, code=code)).status_code == 201
    found = (await stage.api.get(path, headers=stage.team)).json()["items"]
    assert {(each["page"], each["code"], each["reports"]) for each in found} == {
        ("pages/index", "x", 20),
        ("pages/index", "y", 1),
        ("", "other", 2),
    }
    await day_passes(database)
    await count_days(database)
    assert [(each["errors"], each["opens"]) for each in await figures(stage, app)] == [(23, 0)]


@pytest.mark.parametrize("page", ["pages/index?q=1", "张三", "pages/13912345678", "p/139-1234-5678", "", "a" * 121])
async def test_an_error_says_nothing_but_a_page_and_a_code(stage: Stage, page: str) -> None:
    app = await stage.registered()
    await stage.published(app)
    assert (await reported(stage, stage.person(), app, page)).status_code == 422
    assert (await reported(stage, stage.person(), app, code="TypeError: Zhang San")).status_code == 422


async def test_figures_are_of_the_team_alone_and_files_of_spreadsheet_programs(
    stage: Stage, database: Database
) -> None:
    app = await stage.registered()
    await stage.published(app)
    await opened(stage, stage.person(), app)
    await day_passes(database)
    await count_days(database)
    base, day = f"/miniapps/v1/apps/{app['app_id']}", today() - YESTERDAY
    span = {"first_day": str(day), "last_day": str(day)}
    csv = await stage.api.get(f"{base}/figures-csv", params=span, headers=stage.team)
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert csv.text.removeprefix("\ufeff").splitlines() == [
        "day,version_code,opens,errors,division_code,people",
        f"{day},1,1,0,,",
    ]
    other = stage.team_of(YINING)
    for path in ("figures", "errors", "ratings", "review-times"):
        assert outcome(await stage.api.get(f"{base}/{path}", headers=other)) == (404, "not_found")
    long = {"first_day": "2026-01-01", "last_day": "2026-04-03"}
    backwards = {"first_day": "2026-01-02", "last_day": "2026-01-01"}
    for wrong in (long, backwards):
        answer = await stage.api.get(f"{base}/figures-csv", params=wrong, headers=stage.team)
        assert outcome(answer) == (422, "figures_span_too_long")


async def test_reviews_are_shown_with_their_working_days(stage: Stage) -> None:
    app = await stage.registered()
    await stage.published(app)
    waiting = await stage.draft(app, 2)
    await stage.step(waiting, "submit")
    answer = await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/review-times", headers=stage.team)
    found = [(each["version_code"], each["outcome"], each["working_days"]) for each in answer.json()["items"]]
    assert found == [(2, "waiting", None), (1, "approved", 0)]


async def test_reports_are_of_signed_in_persons(stage: Stage) -> None:
    assert outcome(await stage.api.get(f"{ME}/recent-apps")) == (401, "token_missing")
