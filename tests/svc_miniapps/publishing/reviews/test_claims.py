"""Claims, the checklist, and the maintained calendar."""

import asyncio
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from chassis.db import Database, new_id, now
from svc_miniapps.publishing.reviews.clock import due_after
from svc_miniapps.reference.working_days.service import take_over, working_days
from tests.svc_miniapps.publishing.reviews.test_reviews import submitted, waiting
from tests.svc_miniapps.stage import CHECKLIST, PREFECTURE, Stage, outcome


def another_reviewer(stage: Stage) -> dict[str, str]:
    return stage.tokens.staff("reviewer", organisation_id=new_id(), division_code=PREFECTURE)


async def test_of_two_claims_at_once_one_holds_and_the_other_cannot_decide(stage: Stage) -> None:
    release_id, other = await submitted(stage, "停车泊位"), another_reviewer(stage)
    answers = await asyncio.gather(*(stage.step(release_id, "claim", caller) for caller in (stage.reviewer, other)))
    assert sorted(each.status_code for each in answers) == [200, 409]
    loser = other if answers[0].status_code == 200 else stage.reviewer
    for step in ("approve", "reject", "claim", "return"):
        assert outcome(await stage.step(release_id, step, loser)) == (409, "review_claimed")


async def test_a_claim_ends_by_itself_and_can_be_returned(stage: Stage, database: Database) -> None:
    release_id, other = await submitted(stage, "停车泊位"), another_reviewer(stage)
    await stage.step(release_id, "claim", stage.reviewer)
    assert [len(await waiting(stage, claimed=each)) for each in ("mine", "others", "free")] == [1, 0, 0]
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE reviews SET claimed_until = now()"))
    assert [len(await waiting(stage, other, claimed=each)) for each in ("mine", "others", "free")] == [0, 0, 1]
    assert (await stage.step(release_id, "claim", other)).status_code == 200
    assert (await stage.step(release_id, "return", other)).json()["claimed_by"] is None
    assert (await stage.step(release_id, "approve", stage.reviewer)).status_code == 200


async def test_an_approval_needs_the_whole_checklist(stage: Stage) -> None:
    release_id = await submitted(stage, "停车泊位")
    answer = await stage.step(release_id, "approve", body={"checklist": CHECKLIST[1:]})
    assert outcome(answer) == (422, "checklist_incomplete")
    assert CHECKLIST[0]["item"] in answer.json()["detail"]
    approved = await stage.step(release_id, "approve", body={"checklist": CHECKLIST})
    assert [each["item"] for each in approved.json()["reviews"][0]["checklist"]] == [each["item"] for each in CHECKLIST]


async def test_the_checklist_is_read_in_four_languages(stage: Stage) -> None:
    items = (await stage.api.get("/miniapps/v1/review-checklist", headers=stage.reviewer)).json()["items"]
    assert {tuple(item["texts"]) for item in items} == {("zh", "en", "kk-Arab", "ug")}


async def test_the_queue_is_filtered_by_flag(stage: Stage, database: Database) -> None:
    names = ("甲应用", "乙应用", "丙应用")
    red, yellow, green = [await submitted(stage, name) for name in names]
    async with database.transaction() as tx:
        change = text("UPDATE reviews SET yellow_at = :yellow, due_at = :due WHERE release_id = :id")
        hour = timedelta(hours=1)
        await tx.execute(change, {"id": red, "yellow": now() - 2 * hour, "due": now() - hour})
        await tx.execute(change, {"id": yellow, "yellow": now() - hour, "due": now() + hour})
    for flag, release_id in (("red", red), ("yellow", yellow), ("green", green)):
        assert [(each["release_id"], each["flag"]) for each in await waiting(stage, flag=flag)] == [(release_id, flag)]
    assert await waiting(stage, category="health") == []
    assert len(await waiting(stage, division_code="654002")) == 3


async def test_the_promise_goes_by_the_maintained_calendar(stage: Stage, database: Database) -> None:
    monday = datetime(2026, 3, 2, 2, tzinfo=UTC)
    async with database.transaction() as tx:
        # A holiday of the region, which the package does not know; then an older change that comes late.
        await take_over(tx, 2, [(date(2026, 3, 4), False)])
        await take_over(tx, 1, [(date(2026, 3, 4), True)])
        is_working = await working_days(tx)
    assert due_after(monday, is_working=is_working) == monday + timedelta(days=4)
    assert due_after(monday) == monday + timedelta(days=3)
