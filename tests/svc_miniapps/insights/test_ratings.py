"""Ratings: one of each person who has opened the app, unnamed, shown as a grade from ten on, hidden with a reason."""

import asyncio

import pytest
from sqlalchemy import select

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from svc_miniapps.closure import erase_person
from svc_miniapps.insights.ratings.models import AppGrade, AppRating, AppRatingReply
from svc_miniapps.publishing.testers.consumers import PersonClosed
from tests.svc_miniapps.insights.phones import ME, opened, rated, raters
from tests.svc_miniapps.stage import PREFECTURE, Json, Stage, outcome


async def grade(stage: Stage) -> Json | None:
    (listing,) = await stage.catalogue()
    found: Json | None = listing["grade"]
    return found


async def received(stage: Stage, app: Json) -> list[Json]:
    answer = await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/ratings", headers=stage.team)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def published(stage: Stage) -> Json:
    app = await stage.registered()
    await stage.published(app)
    return app


async def test_only_who_has_opened_the_app_rates_it_also_without_the_list(stage: Stage) -> None:
    app, person = await published(stage), stage.person()
    assert outcome(await rated(stage, person, app)) == (409, "app_not_opened")
    await stage.api.put(f"{ME}/recent-apps", json={"enabled": False}, headers=person)
    await opened(stage, person, app)
    answer = await rated(stage, person, app, 4, "好用")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["grade"], answer.json()["words"], answer.json()["reply"]) == (4, "好用", None)


async def test_the_grade_is_shown_from_ten_ratings_on(stage: Stage) -> None:
    app = await published(stage)
    await raters(stage, app, [5, 4, 4, 5, 3, 5, 4, 5, 5])
    public = f"/miniapps/v1/catalogue/{app['app_id']}/ratings"
    assert await grade(stage) is None
    assert (await stage.api.get(public)).json()["items"] == []
    await raters(stage, app, [1])
    assert await grade(stage) == {"average": 4.1, "ratings": 10}
    assert len((await stage.api.get(public)).json()["items"]) == 10


async def test_one_of_a_person_also_from_two_phones_and_changed_later(stage: Stage, database: Database) -> None:
    app, person_id = await published(stage), new_id()
    person = stage.person(person_id=person_id)
    await opened(stage, person, app)
    answers = await asyncio.gather(*(rated(stage, person, app, each) for each in (1, 2, 3, 4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert (await rated(stage, person, app, 2)).json()["grade"] == 2
    async with database.read() as tx:
        assert len((await tx.scalars(select(AppRating))).all()) == 1
        (found,) = (await tx.scalars(select(AppGrade))).all()
        assert (found.ratings, found.total) == (1, 2)


async def test_the_team_reads_ratings_without_whose_they_are_and_replies_once(stage: Stage, database: Database) -> None:
    app = await published(stage)
    (person,) = await raters(stage, app, [2], "地图打不开")
    (rating,) = await received(stage, app)
    assert set(rating) == {"rating_id", "version_code", "grade", "words", "month", "reply", "hidden"}
    path = f"/miniapps/v1/apps/{app['app_id']}/ratings/{rating['rating_id']}/reply"
    for words in ("谢谢", "谢谢", "已修复"):
        answer = await stage.api.put(path, json={"words": words}, headers=stage.team)
        assert answer.json()["reply"]["words"] == words
    own = await stage.api.get(f"{ME}/app-ratings/{app['app_id']}", headers=person)
    assert own.json()["reply"]["words"] == "已修复"
    async with database.read() as tx:
        replies = (await tx.scalars(select(AppRatingReply.words).order_by(AppRatingReply.id))).all()
    assert replies == ["谢谢", "已修复"]
    other = await stage.api.put(path, json={"words": "x"}, headers=stage.team_of("654003"))
    assert outcome(other) == (404, "not_found")


async def test_a_reported_rating_is_hidden_with_a_reason_that_its_author_reads(stage: Stage) -> None:
    app = await published(stage)
    await raters(stage, app, [5] * 9)
    (author,) = await raters(stage, app, [1], "骂人的话")
    (bad,) = [each for each in await received(stage, app) if each["grade"] == 1]
    hide, why = f"app-ratings/{bad['rating_id']}/hide", {"reason": "含有辱骂内容"}
    assert outcome(await stage.post(hide, stage.operator, why)) == (409, "illegal_move")  # nobody has reported it
    for reporter in (stage.person(), stage.person()):
        assert (await stage.post(f"app-ratings/{bad['rating_id']}/reports", reporter, why)).status_code == 201
    (waiting,) = (await stage.api.get("/miniapps/v1/app-ratings", headers=stage.operator)).json()["items"]
    assert waiting["reasons"] == [why["reason"]] * 2
    assert (await stage.post(hide, stage.operator, why)).status_code == 200
    assert await grade(stage) is None
    own = (await stage.api.get(f"{ME}/app-ratings/{app['app_id']}", headers=author)).json()
    assert own["hidden_reason"] == why["reason"]
    assert outcome(await rated(stage, author, app, 5)) == (409, "rating_hidden")
    show = f"app-ratings/{bad['rating_id']}/show"
    assert outcome(await stage.post(show, stage.operator)) == (403, "second_person_needed")
    assert (await stage.post(show, stage.second_operator)).status_code == 200
    assert await grade(stage) == {"average": 4.6, "ratings": 10}


async def test_the_team_reports_and_an_operator_of_its_organisation_does_not_decide(stage: Stage) -> None:
    app = await published(stage)
    await raters(stage, app, [1], "不好")
    (rating,) = await received(stage, app)
    path = f"apps/{app['app_id']}/ratings/{rating['rating_id']}/reports"
    assert (await stage.post(path, stage.team, {"reason": "不实"})).status_code == 201
    own = stage.person(("operator", stage.team_organisation, PREFECTURE))
    assert (await stage.api.get("/miniapps/v1/app-ratings", headers=own)).json()["items"] == []
    hide = f"app-ratings/{rating['rating_id']}/hide"
    assert outcome(await stage.post(hide, own, {"reason": "不实"})) == (403, "own_organisation")
    keep = f"app-ratings/{rating['rating_id']}/keep"
    assert (await stage.post(keep, stage.operator)).json()["reasons"] == []
    assert (await stage.api.get("/miniapps/v1/app-ratings", headers=stage.operator)).json()["items"] == []


@pytest.mark.parametrize("closed", [False, True])
async def test_withdrawn_or_with_the_account_closed_nothing_is_left_of_the_person(
    stage: Stage, database: Database, *, closed: bool
) -> None:
    app, person_id = await published(stage), new_id()
    person = stage.person(person_id=person_id)
    await opened(stage, person, app)
    await rated(stage, person, app, 1, "我的话")
    if closed:
        async with database.transaction() as tx:
            event = Received(new_id(), "cn.ili.identity.person.closed.v1", now(), PersonClosed(person_id=person_id))
            await erase_person(tx, event)
    else:
        answer = await stage.api.delete(f"{ME}/app-ratings/{app['app_id']}", headers=person)
        assert answer.status_code == 204
    assert await received(stage, app) == []
    async with database.read() as tx:
        (row,) = (await tx.scalars(select(AppRating))).all()
        assert (row.person_id, row.words) == (None, None)
        assert await tx.scalar(select(AppGrade.ratings)) == 0
    if closed:
        found = await stage.api.get(f"{ME}/recent-apps", headers=person)
        assert found.json()["items"] == []
    else:
        assert (await rated(stage, person, app, 5)).status_code == 200


async def test_a_grade_is_a_whole_number_of_one_to_five(stage: Stage) -> None:
    app, person = await published(stage), stage.person()
    await opened(stage, person, app)
    for wrong in (0, 6, 4.5, "5", True, None):
        path = f"{ME}/app-ratings/{app['app_id']}"
        assert (await stage.api.put(path, json={"grade": wrong}, headers=person)).status_code == 422
