"""The complaint box of an app: its team answers without knowing who complains, operators decide what is late."""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text, update

from chassis.db import Database, new_id, now
from chassis.inbox import Received
from kit.calendar import today, working_day_after
from svc_miniapps.closure import HANDLERS
from svc_miniapps.publishing.complaints.models import AppComplaint
from svc_miniapps.publishing.complaints.service import escalate_late
from svc_miniapps.publishing.testers.consumers import PersonClosed
from tests.svc_miniapps.stage import KUYTUN, YINING, Headers, Json, Stage, outcome

WORDS = "点击缴费后页面空白"
CONTACT = "13800000000"
ANSWER = {"words": "已修复，请更新后再试"}


def resident(stage: Stage, person_id: UUID | None = None) -> Headers:
    token = stage.tokens.sign(sub=str(person_id or new_id()), scope="mini_apps")
    return {"Authorization": f"Bearer {token}"}


async def file(stage: Stage, app: Json, caller: Headers, **changes: object) -> httpx.Response:
    body = {"app_id": app["app_id"], "kind": "fault", "words": WORDS, **changes}
    return await stage.post("complaints", caller, body)


async def filed(stage: Stage, app: Json, caller: Headers, **changes: object) -> Json:
    answer = await file(stage, app, caller, **changes)
    assert answer.status_code == 201, answer.text
    complaint: Json = answer.json()
    return complaint


async def step(stage: Stage, complaint: Json, name: str, caller: Headers, words: str = "不满意") -> httpx.Response:
    room = "complaints" if name == "appeal" else "received-complaints"
    return await stage.post(f"{room}/{complaint['complaint_id']}/{name}", caller, {"words": words})


async def answered(stage: Stage, app: Json, caller: Headers | None = None) -> Json:
    complaint = await filed(stage, app, caller or resident(stage))
    answer = await step(stage, complaint, "answer", stage.team, ANSWER["words"])
    assert answer.status_code == 200, answer.text
    return complaint


async def received(stage: Stage, caller: Headers, **query: str) -> list[Json]:
    answer = await stage.api.get("/miniapps/v1/received-complaints", params=query, headers=caller)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


async def passes(database: Database, days: int) -> None:
    async with database.transaction() as tx:
        before = timedelta(days=days)
        moved = {"due_on": AppComplaint.due_on - days, "answered_at": AppComplaint.answered_at - before}
        await tx.execute(update(AppComplaint).values(moved))


@pytest.fixture
async def app(stage: Stage) -> Json:
    app = await stage.registered()
    await stage.published(app)
    return app


async def test_a_team_answers_without_learning_who_complains(stage: Stage, app: Json) -> None:
    person_id = new_id()
    caller = resident(stage, person_id)
    complaint = await filed(stage, app, caller, contact=CONTACT)
    assert complaint["number"].startswith(f"TS{YINING}-")
    assert complaint["due_on"] == working_day_after(today(), 5).isoformat()
    of_team = await stage.api.get("/miniapps/v1/received-complaints", headers=stage.team)
    assert WORDS in of_team.text
    assert CONTACT not in of_team.text
    assert str(person_id) not in of_team.text
    (seen,) = await received(stage, stage.operator, app_id=app["app_id"], status="open")
    assert seen["contact"] == CONTACT
    reply = await step(stage, complaint, "answer", stage.team)
    assert (reply.status_code, CONTACT in reply.text) == (200, False)
    own = (await stage.api.get("/miniapps/v1/complaints", headers=caller)).json()["items"]
    assert [(each["status"], each["answer"], each["contact"]) for each in own] == [("answered", "不满意", CONTACT)]


async def test_a_shared_contact_is_shown_to_the_team(stage: Stage, app: Json) -> None:
    assert (await file(stage, app, resident(stage), contact_shared=True)).status_code == 422
    await filed(stage, app, resident(stage), contact=CONTACT, contact_shared=True)
    assert [each["contact"] for each in await received(stage, stage.team)] == [CONTACT]


async def test_what_is_late_goes_to_operators(stage: Stage, app: Json, database: Database) -> None:
    complaint = await filed(stage, app, resident(stage))
    assert outcome(await step(stage, complaint, "decide", stage.operator)) == (409, "illegal_move")
    assert await escalate_late(database) == 0
    await passes(database, 30)
    assert sum(await asyncio.gather(*(escalate_late(database) for _ in range(3)))) == 1
    (seen,) = await received(stage, stage.operator, status="escalated")
    assert seen["complaint_id"] == complaint["complaint_id"]
    answers = await asyncio.gather(
        step(stage, complaint, "decide", stage.operator), step(stage, complaint, "answer", stage.team)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_an_answer_is_appealed_once_and_in_time(stage: Stage, app: Json, database: Database) -> None:
    caller = resident(stage)
    complaint = await answered(stage, app, caller)
    assert outcome(await step(stage, complaint, "appeal", resident(stage))) == (404, "not_found")
    assert (await step(stage, complaint, "appeal", caller)).json()["status"] == "appealed"
    assert outcome(await step(stage, complaint, "answer", stage.team)) == (409, "illegal_move")
    assert (await step(stage, complaint, "decide", stage.operator)).json()["status"] == "decided"
    assert outcome(await step(stage, complaint, "appeal", caller)) == (409, "illegal_move")
    late = await answered(stage, app, caller)
    await passes(database, 16)
    assert outcome(await step(stage, late, "appeal", caller)) == (409, "appeal_too_late")
    again = await answered(stage, app, caller)
    await filed(stage, app, caller)
    assert outcome(await step(stage, again, "appeal", caller)) == (409, "app_complaint_open")


async def test_nobody_decides_in_their_own_case(stage: Stage, app: Json) -> None:
    person_id = new_id()
    complaint = await answered(stage, app, resident(stage, person_id))
    await step(stage, complaint, "appeal", resident(stage, person_id))
    complainant = stage.person(("operator", new_id(), "654000"), person_id=person_id)
    assert outcome(await step(stage, complaint, "decide", complainant)) == (403, "second_person_needed")
    assert await received(stage, complainant) == []
    of_team = stage.person(("operator", stage.team_organisation, "654000"))
    assert outcome(await step(stage, complaint, "decide", of_team)) == (403, "complaint_about_own_organisation")
    elsewhere = stage.tokens.staff("operator", division_code=KUYTUN)
    assert outcome(await step(stage, complaint, "decide", elsewhere)) == (403, "not_your_division")
    assert outcome(await step(stage, complaint, "answer", stage.team_of(YINING))) == (404, "not_found")


async def test_one_person_has_one_about_an_app_and_five_a_day(stage: Stage, app: Json, database: Database) -> None:
    caller = resident(stage)
    answers = await asyncio.gather(*(file(stage, app, caller) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    for _ in range(4):
        complaint = (await stage.api.get("/miniapps/v1/complaints", headers=caller)).json()["items"][0]
        assert (await step(stage, complaint, "answer", stage.team)).status_code == 200
        assert (await file(stage, app, caller)).status_code == 201
    (complaint, *_) = (await stage.api.get("/miniapps/v1/complaints", headers=caller)).json()["items"]
    await step(stage, complaint, "answer", stage.team)
    assert outcome(await file(stage, app, caller)) == (409, "too_many_app_complaints")
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE app_complaints SET filed_at = filed_at - interval '25 hours'"))
    assert (await file(stage, app, caller)).status_code == 201


async def test_only_an_app_that_residents_had_is_complained_about(stage: Stage) -> None:
    app = await stage.registered(name="公交到站")
    assert outcome(await file(stage, app, resident(stage))) == (404, "not_found")
    assert (await file(stage, {"app_id": str(new_id())}, resident(stage))).status_code == 404


async def test_what_names_a_person_goes_with_their_account(stage: Stage, app: Json, database: Database) -> None:
    person_id = new_id()
    complaint = await answered(stage, app, resident(stage, person_id))
    (closure,) = HANDLERS
    event = Received(
        id=new_id(),
        type=closure.event_type,
        time=now() - timedelta(seconds=1),
        traceparent=None,
        data=PersonClosed(person_id=person_id),
    )
    async with database.transaction() as tx:
        await closure.handle(tx, event)
    (kept,) = await received(stage, stage.operator)
    assert (kept["number"], kept["words"], kept["answer"]) == (complaint["number"], None, ANSWER["words"])
    async with database.read() as tx:
        row = text("SELECT count(*) FROM app_complaints WHERE person_id IS NOT NULL OR salt IS NOT NULL")
        assert await tx.scalar(row) == 0
        seals = text("SELECT string_agg(content::text, '') FROM audit_seals WHERE table_name = 'app_complaints'")
        sealed = str(await tx.scalar(seals))
    assert not [each for each in (str(person_id), WORDS, ANSWER["words"]) if each in sealed]
