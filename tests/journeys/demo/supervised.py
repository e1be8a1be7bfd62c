"""A case that nobody deals with goes red and is supervised; badly rated, it is put right and rated again."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import time_machine
from sqlalchemy import make_url

from chassis.db import Database, now
from kit.calendar import today
from svc_services.cases.applications.engine import note_time
from svc_services.cases.applications.models import Application
from svc_services.cases.workflows.models import Workflow
from tests.journeys.demo.app import Person
from tests.journeys.demo.company_systems import CompanySystem
from tests.journeys.demo.people import clerk_of
from tests.journeys.demo.stage import DIVISION, Stage

_CASES, _QUEUE = "/services/v1/applications", "/services/v1/application-queue"
_RECTIFICATIONS = "/services/v1/rectifications"
_FAULT = {"address": "解放西路1号", "fault": "水表处漏水"}
_LONG = timedelta(days=30)
"""More working days than any limit of the case, and half as many again."""


def supervise(stage: Stage, resident: Person) -> None:
    stage.narrator.act("13  Nobody mends a fault: the case goes red; mended late and rated badly, it is put right")
    clerk = clerk_of(stage, "Sample Counter")
    case_id = _report_fault(stage, resident, clerk)
    _turn_red(stage, resident, case_id)
    _mend(stage, resident, case_id)
    _put_right(stage, resident, clerk, case_id)
    clerk.close()


def _report_fault(stage: Stage, resident: Person, clerk: Person) -> str:
    new = {"provider_id": stage.water.provider_id, "kind": "fault_report", "division_code": DIVISION, "form": _FAULT}
    draft = stage.narrator.answered("the resident reports a fault", resident.call("POST", _CASES, json=new), 201)
    case_id: str = draft["application_id"]
    sent = resident.call("POST", f"{_CASES}/{case_id}/submit", headers={"If-Match": '"1"'})
    promised = stage.narrator.answered("a day is promised", sent, 200)["promised_on"]
    stage.narrator.tell(f"by {promised}, in working days")
    claimed = clerk.call("POST", f"{_QUEUE}/{case_id}/claim")
    stage.narrator.answered("a clerk of the county claims the case", claimed, 200)
    _step(stage, "and accepts it; the company has it now", clerk, _QUEUE, case_id, {"action": "accept"})
    return case_id


def _turn_red(stage: Stage, resident: Person, case_id: str) -> None:
    asyncio.run(_look_later(stage.platform.database_admin_url, UUID(case_id)))
    seen = resident.call("GET", f"{_CASES}/{case_id}").json()
    stage.narrator.check(f"{_LONG.days} days later by a moved clock it is", seen["flag"], "red")
    stage.narrator.check("and with the operators of the prefecture", seen["level"], 2)
    listed = stage.operator.call("GET", "/services/v1/late-cases", params={"flag": "red", "limit": "200"})
    late = stage.narrator.answered("they list late cases", listed, 200)["items"]
    stage.narrator.check("it is among them", case_id in {each["application_id"] for each in late})
    order = {"application_id": case_id, "addressee": "provider", "matter": "为什么没有人来修？", "reply_days": 3}
    ordered = stage.operator.call("POST", "/services/v1/supervision-orders", json=order)
    stage.narrator.answered("an operator orders the company to explain itself", ordered, 201)


async def _look_later(server: str, case_id: UUID) -> None:
    """Do what the worker does with this case, by a clock that is moved on."""
    database = Database(make_url(server).set(drivername="postgresql+asyncpg", database="myili_services"))
    with time_machine.travel(now() + _LONG):
        async with database.transaction() as tx:
            case = await tx.get_one(Application, case_id, with_for_update=True)
            await note_time(tx, case, await tx.get_one(Workflow, case.workflow_id))
    await database.close()


def _mend(stage: Stage, resident: Person, case_id: str) -> None:
    system = CompanySystem.of(stage.platform.public_url, stage.water)
    token = system.token(system.key)
    assert token is not None
    path = f"/services/v1/received-applications/{case_id}"
    for claim, step in (
        ("the company names a day", {"action": "appoint_survey", "appointment_on": f"{today()}"}),
        ("and mends it", {"action": "complete", "reason": "已更换接头"}),
    ):
        etag = resident.call("GET", f"{_CASES}/{case_id}").headers["ETag"]
        stage.narrator.answered(claim, system.call(token, "POST", f"{path}/actions", etag=etag, **step), 200)


def _put_right(stage: Stage, resident: Person, clerk: Person, case_id: str) -> None:
    ratings, stage_of = f"{_CASES}/{case_id}/ratings", {"stage": "conclusion"}
    bad = resident.call("POST", ratings, json={**stage_of, "grade": 1, "words": "等了一个月"})
    stage.narrator.answered("the resident is very dissatisfied", bad, 201)
    rows = clerk.call("GET", _RECTIFICATIONS, params={"status": "open", "limit": "200"}).json()["items"]
    (row,) = [each for each in rows if each["application_id"] == case_id]
    stage.narrator.check("which opens a rectification of working days", row["limit_days"], 15)
    early = resident.call("POST", ratings, json={**stage_of, "grade": 5})
    stage.narrator.answered("a second rating has to wait for it", early, 409, "already_rated")
    path = f"{_RECTIFICATIONS}/{row['rectification_id']}"
    words = {"words": "已上门致歉，并减免维修费"}
    stage.narrator.answered("the office says what it did", clerk.call("POST", f"{path}/answer", json=words), 200)
    said = {"outcome": "satisfied", "words": "认可处理结果"}
    called = stage.operator.call("POST", f"{path}/call-back", json=said)
    stage.narrator.answered("an operator calls back", called, 200)
    better = resident.call("POST", ratings, json={**stage_of, "grade": 4})
    stage.narrator.answered("the resident rates once more", better, 201)
    own = resident.call("GET", ratings).json()["items"]
    stage.narrator.check("both ratings stay", [each["grade"] for each in own], [1, 4])


def _step(stage: Stage, claim: str, person: Person, base: str, case_id: str, body: dict[str, Any]) -> None:
    etag = person.call("GET", f"{base}/{case_id}").headers["ETag"]
    answer = person.call("POST", f"{base}/{case_id}/actions", json=body, headers={"If-Match": etag})
    stage.narrator.answered(claim, answer, 200)
