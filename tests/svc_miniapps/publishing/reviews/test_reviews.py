"""The review queue and the promised time limit."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chassis.db import new_id, now
from svc_miniapps.publishing.reviews.clock import due_after, yellow_after
from tests.svc_miniapps.stage import KUYTUN, PREFECTURE, YINING, Json, Stage, outcome


async def waiting(stage: Stage, caller: dict[str, str] | None = None, **query: str) -> list[Json]:
    answer = await stage.api.get("/miniapps/v1/reviews", params=query, headers=caller or stage.reviewer)
    items: list[Json] = answer.json()["items"]
    return items


async def submitted(stage: Stage, name: str) -> str:
    release_id = await stage.draft(await stage.registered(name=name))
    await stage.step(release_id, "submit")
    return release_id


async def test_the_longest_waiting_review_is_first(stage: Stage) -> None:
    first, second, third = [await submitted(stage, name) for name in ("甲应用", "乙应用", "丙应用")]
    await stage.step(first, "withdraw")
    await stage.step(first, "submit")  # back at the end of the queue
    assert [item["release_id"] for item in await waiting(stage)] == [second, third, first]


async def test_a_listed_review_has_what_a_reviewer_needs(stage: Stage) -> None:
    release_id = await submitted(stage, "停车泊位")
    (item,) = await waiting(stage)
    assert item["release_id"] == release_id
    assert (item["name"], item["category"], item["division_code"]) == ("停车泊位", "transport", YINING)
    assert item["version"] == {"code": 1, "name": "1.1.0"}
    assert 0 <= item["waiting_seconds"] < 60
    assert item["is_overdue"] is False


async def test_waiting_and_overdue_grow_with_time(stage: Stage) -> None:
    release_id = await submitted(stage, "停车泊位")
    later = now() + timedelta(days=6)
    with time_machine.travel(later):
        reviewer = stage.tokens.staff("reviewer", organisation_id=new_id())
        (item,) = await waiting(stage, reviewer)
    assert item["release_id"] == release_id
    assert item["waiting_seconds"] >= 6 * 86_400 - 60
    assert item["is_overdue"] is True


async def test_a_decided_or_withdrawn_release_leaves_the_queue(stage: Stage) -> None:
    for name, step in (("甲应用", "approve"), ("乙应用", "reject"), ("丙应用", "withdraw")):
        await stage.step(await submitted(stage, name), step)
    assert await waiting(stage) == []


async def test_reviewers_see_only_what_they_may_decide(stage: Stage) -> None:
    await submitted(stage, "停车泊位")
    own = stage.person(("reviewer", new_id(), PREFECTURE), ("county_team", stage.team_organisation, YINING))
    assert await waiting(stage, own) == []


@pytest.mark.parametrize("role", ["county_team", "operator", "auditor"])
async def test_only_reviewers_see_the_list(stage: Stage, role: str) -> None:
    answer = await stage.api.get("/miniapps/v1/reviews", headers=stage.tokens.staff(role, division_code=KUYTUN))
    assert outcome(answer) == (403, "not_allowed")


async def test_the_list_is_paged(stage: Stage) -> None:
    expected = [await submitted(stage, name) for name in ("甲应用", "乙应用", "丙应用")]
    page = (await stage.api.get("/miniapps/v1/reviews", params={"limit": 2}, headers=stage.reviewer)).json()
    rest = await waiting(stage, cursor=page["next_cursor"])
    assert [item["release_id"] for item in page["items"] + rest] == expected


@pytest.mark.parametrize(
    ("submitted_at", "due"),
    [
        ("2026-03-02T02:00:00", "2026-03-05T02:00:00"),  # Monday -> Thursday
        ("2026-03-05T02:00:00", "2026-03-10T02:00:00"),  # Thursday -> Tuesday
        ("2026-03-06T02:00:00", "2026-03-11T02:00:00"),  # Friday -> Wednesday
        ("2026-03-07T02:00:00", "2026-03-11T02:00:00"),  # Saturday -> Wednesday
        ("2026-03-08T02:00:00", "2026-03-11T02:00:00"),  # Sunday -> Wednesday
        ("2026-03-08T17:00:00", "2026-03-11T17:00:00"),  # Sunday in UTC, Monday in Beijing -> Thursday there
        ("2026-09-30T02:00:00", "2026-10-10T02:00:00"),  # before National Day -> the Saturday that makes up for it
        ("2026-10-03T02:00:00", "2026-10-10T02:00:00"),  # on a holiday
        ("2026-10-09T02:00:00", "2026-10-13T02:00:00"),  # Friday -> Tuesday, as Saturday counts and Sunday does not
        ("2026-09-18T02:00:00", "2026-09-22T02:00:00"),  # Friday -> Tuesday, as Sunday the 20th counts
        ("2026-09-30T16:30:00", "2026-10-09T16:30:00"),  # half past midnight on National Day in Beijing
        ("2089-12-30T02:00:00", "2090-01-04T02:00:00"),  # a year without a published calendar: weekdays
    ],
)
def test_a_decision_is_promised_within_three_working_days(submitted_at: str, due: str) -> None:
    start = datetime.fromisoformat(submitted_at).replace(tzinfo=UTC)
    assert due_after(start) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("submitted_at", "yellow"),
    [
        ("2026-03-02T02:00:00", "2026-03-04T11:36:00"),  # Monday: two days and 9.6 hours later
        ("2026-03-05T10:00:00", "2026-03-09T19:36:00"),  # over midnight into Saturday and Sunday, in which none passes
        ("2026-03-07T02:00:00", "2026-03-10T14:24:00"),  # Saturday: 46.4 of 58 hours from Monday on
        ("2026-09-30T02:00:00", "2026-10-09T11:36:00"),  # over National Day
    ],
)
def test_a_review_turns_yellow_after_four_fifths_of_the_working_time(submitted_at: str, yellow: str) -> None:
    start = datetime.fromisoformat(submitted_at).replace(tzinfo=UTC)
    assert yellow_after(start) == datetime.fromisoformat(yellow).replace(tzinfo=UTC)
