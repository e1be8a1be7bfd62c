"""What people cannot change themselves is corrected on their word, by a clerk of their division, within a time."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from chassis.testing import once
from kit.calendar import today, working_day_after
from svc_identity.privacy.corrections.service import forget
from svc_identity.privacy.corrections.worker import measure_late
from tests.svc_identity.organisations.role_changes.conftest import Platform, platform
from tests.svc_identity.organisations.role_changes.counties import HUOCHENG, YINING, Staff, organisation, staff
from tests.svc_identity.organisations.role_changes.requests import Headers

__all__ = ["platform"]

HeadersOf = Callable[[], Awaitable[Headers]]
MINE, CORRECTIONS = "/identity/v1/me/corrections", "/identity/v1/corrections"
WORDS = "户主已由张三变更为李四"
DONE = {"outcome": "corrected", "answer": "供水公司已更正户主"}


async def clerk_in(platform: Platform, division_code: str) -> Staff:
    return await staff(platform, await organisation(platform, division_code, "county_team"), "clerk")


async def ask(platform: Platform, headers: Headers, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    body = {"about": "utility_account", "division_code": YINING, "words": WORDS} | changes
    asked = await platform.api.post(MINE, json=body, headers=headers | once())
    assert asked.status_code == 201, asked.text
    made: dict[str, Any] = asked.json()
    return made


async def answer(platform: Platform, clerk: Headers, correction_id: str, **changes: str) -> Any:  # noqa: ANN401 - a response
    path = f"{CORRECTIONS}/{correction_id}/answer"
    return await platform.api.post(path, json=DONE | changes, headers=clerk | once())


@pytest.fixture
def headers_of(platform: Platform) -> HeadersOf:
    async def new() -> Headers:
        return (await platform.person())[2]

    return new


async def test_a_clerk_of_the_division_answers_and_the_person_sees_answer_and_reader(
    platform: Platform, headers_of: HeadersOf
) -> None:
    resident, clerk = await headers_of(), await clerk_in(platform, YINING)
    asked = await ask(platform, resident)
    assert date.fromisoformat(asked["due_on"]) == working_day_after(today(), 15)
    listed = (await platform.api.get(f"{CORRECTIONS}?limit=200", headers=clerk.headers)).json()["items"]
    (mine,) = [each for each in listed if each["correction_id"] == asked["correction_id"]]
    assert mine.keys() == {"correction_id", "about", "division_code", "asked_at", "due_on", "late"}
    seen = await platform.api.get(f"{CORRECTIONS}/{asked['correction_id']}", headers=clerk.headers)
    assert (seen.json()["words"], seen.json()["phone"][3:7]) == (WORDS, "****")
    assert (await answer(platform, clerk.headers, asked["correction_id"])).json()["status"] == "corrected"
    own = (await platform.api.get(MINE, headers=resident)).json()["items"]
    assert [(each["status"], each["answer"]) for each in own] == [("corrected", DONE["answer"])]
    reads = (await platform.api.get("/identity/v1/me/data-reads", headers=resident)).json()["items"]
    by_clerk = [each for each in reads if each["reason"] == "correction"]
    assert {each["role"] for each in by_clerk} == {"clerk"}
    assert {tuple(each["data"]) for each in by_clerk} == {("correction",), ("phone", "name")}


async def test_an_answered_request_is_answered_no_second_time(platform: Platform, headers_of: HeadersOf) -> None:
    clerk, asked = await clerk_in(platform, YINING), await ask(platform, await headers_of())
    assert (await answer(platform, clerk.headers, asked["correction_id"], outcome="refused")).status_code == 200
    again = await answer(platform, clerk.headers, asked["correction_id"])
    assert (again.status_code, again.json()["code"]) == (409, "illegal_move")


async def test_clerks_of_another_county_neither_see_nor_answer_it(platform: Platform, headers_of: HeadersOf) -> None:
    elsewhere, asked = await clerk_in(platform, HUOCHENG), await ask(platform, await headers_of())
    listed = (await platform.api.get(f"{CORRECTIONS}?limit=200", headers=elsewhere.headers)).json()["items"]
    assert asked["correction_id"] not in {each["correction_id"] for each in listed}
    for refused in (
        await platform.api.get(f"{CORRECTIONS}/{asked['correction_id']}", headers=elsewhere.headers),
        await answer(platform, elsewhere.headers, asked["correction_id"]),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "not_of_counter")


async def test_a_clerk_whose_role_has_ended_is_refused_at_once(platform: Platform, headers_of: HeadersOf) -> None:
    clerk, asked = await clerk_in(platform, YINING), await ask(platform, await headers_of())
    async with platform.database.transaction() as tx:
        ended = "UPDATE memberships SET ended_at = now() WHERE id = CAST(:id AS uuid)"
        await tx.execute(text(ended), {"id": clerk.membership_id})
    refused = await platform.api.get(f"{CORRECTIONS}/{asked['correction_id']}", headers=clerk.headers)
    assert refused.status_code == 403


async def test_nobody_answers_a_request_of_their_own(platform: Platform) -> None:
    clerk = await clerk_in(platform, YINING)
    asked = await ask(platform, clerk.headers)
    refused = await answer(platform, clerk.headers, asked["correction_id"])
    assert (refused.status_code, refused.json()["code"]) == (403, "second_person_needed")


async def test_one_request_about_a_subject_waits_at_a_time(platform: Platform, headers_of: HeadersOf) -> None:
    resident = await headers_of()
    first = await ask(platform, resident)
    body = {"about": "utility_account", "division_code": YINING, "words": "还有一处"}
    refused = await platform.api.post(MINE, json=body, headers=resident | once())
    assert (refused.status_code, refused.json()["code"]) == (409, "correction_open")
    assert first["due_on"] in refused.json()["detail"]
    withdrawn = await platform.api.post(f"{MINE}/{first['correction_id']}/withdraw", headers=resident | once())
    assert withdrawn.json()["status"] == "withdrawn"
    await ask(platform, resident)
    await ask(platform, resident, about="bill")


async def test_nobody_withdraws_a_request_of_another(platform: Platform, headers_of: HeadersOf) -> None:
    asked = await ask(platform, await headers_of())
    path = f"{MINE}/{asked['correction_id']}/withdraw"
    assert (await platform.api.post(path, headers=await headers_of() | once())).status_code == 404


async def test_an_unknown_division_is_refused(platform: Platform, headers_of: HeadersOf) -> None:
    body = {"about": "other", "division_code": "110000", "words": WORDS}
    refused = await platform.api.post(MINE, json=body, headers=await headers_of() | once())
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_division")


async def test_words_are_stored_encrypted_and_go_with_the_account(platform: Platform, headers_of: HeadersOf) -> None:
    resident, clerk = await headers_of(), await clerk_in(platform, YINING)
    answered, waiting = await ask(platform, resident), await ask(platform, resident, about="name")
    await answer(platform, clerk.headers, answered["correction_id"])
    stored = text("SELECT words, answer, status, person_id FROM corrections WHERE id IN (:a, :b) ORDER BY id")
    which = {"a": answered["correction_id"], "b": waiting["correction_id"]}
    async with platform.database.read() as tx:
        rows = (await tx.execute(stored, which)).all()
    assert [WORDS.encode() in bytes(row.words) for row in rows] == [False, False]
    async with platform.database.transaction() as tx:
        await forget(tx, rows[0].person_id)
    async with platform.database.read() as tx:
        left = [tuple(row)[:3] for row in await tx.execute(stored, which)]
    assert left == [(None, None, "corrected"), (None, None, "withdrawn")]


async def late_in(platform: Platform, headers: Headers) -> set[str]:
    listed = await platform.api.get(f"{CORRECTIONS}?late=true&limit=200", headers=headers)
    assert listed.status_code == 200, listed.text
    assert all(each["late"] for each in listed.json()["items"])
    return {each["correction_id"] for each in listed.json()["items"]}


def measured() -> dict[str, float]:
    (family,) = (each for each in REGISTRY.collect() if each.name == "myili_corrections_late")
    return {sample.labels["division"]: sample.value for sample in family.samples}


async def due(platform: Platform, correction_id: str, day: date) -> None:
    async with platform.database.transaction() as tx:
        moved = "UPDATE corrections SET due_on = :day WHERE id = CAST(:id AS uuid)"
        await tx.execute(text(moved), {"day": day, "id": correction_id})


async def test_what_is_late_is_counted_by_division_and_listed_to_operators_until_it_is_answered(
    platform: Platform, headers_of: HeadersOf
) -> None:
    clerk = await clerk_in(platform, YINING)
    elsewhere = await clerk_in(platform, HUOCHENG)
    late, waiting = [await ask(platform, await headers_of()) for _ in range(2)]
    await due(platform, late["correction_id"], today())  # the last day is not over
    await measure_late(platform.database)
    assert (await late_in(platform, platform.first), measured()) == (set(), {})
    await due(platform, late["correction_id"], today() - timedelta(days=1))
    await measure_late(platform.database)
    assert measured() == {YINING: 1}
    for headers in (platform.first, clerk.headers):
        assert await late_in(platform, headers) == {late["correction_id"]}
    assert await late_in(platform, elsewhere.headers) == set()
    listed = (await platform.api.get(CORRECTIONS, headers=clerk.headers)).json()["items"]
    assert {each["correction_id"]: each["late"] for each in listed} == {
        late["correction_id"]: True,
        waiting["correction_id"]: False,
    }
    assert (await answer(platform, clerk.headers, late["correction_id"])).status_code == 200
    await measure_late(platform.database)
    assert (await late_in(platform, platform.first), measured()) == (set(), {})


async def test_operators_neither_read_nor_answer_what_they_watch(platform: Platform, headers_of: HeadersOf) -> None:
    asked = await ask(platform, await headers_of())
    for refused in (
        await platform.api.get(f"{CORRECTIONS}/{asked['correction_id']}", headers=platform.first),
        await answer(platform, platform.first, asked["correction_id"]),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
