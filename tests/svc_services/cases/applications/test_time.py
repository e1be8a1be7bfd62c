"""What time alone does: yellow, red, the next level, and the end of a correction that never comes."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import time_machine

from chassis.db import Database
from chassis.testing import Emitted, Tokens, emitted
from kit.calendar import is_working_day
from svc_services.cases.applications.worker import note_due
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    QUEUE,
    Case,
    Headers,
    act,
    bound,
    clerk,
    decided,
    submitted,
)

MONDAY = date(2026, 3, 2)


def at_noon(day: date) -> Any:  # noqa: ANN401 - time_machine's type
    return time_machine.travel(f"{day}T12:00:00+08:00")


async def flags(database: Database) -> list[Emitted]:
    async with database.read() as tx:
        return [each for each in await emitted(tx) if each.type.endswith(".application.flagged.v1")]


async def closing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> Case:
    number = await bound(database, person_id, provider_id)
    form = {"last_day": "2026-12-31"}
    headers = tokens.resident(person_id)
    return await submitted(api, headers, provider_id, kind="closure", form=form, account_number=number)


async def test_a_late_case_goes_yellow_red_and_up(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    with at_noon(MONDAY):
        case = await closing(api, tokens, database, provider_id, person_id)
        assert case["promised_on"] == "2026-03-09"
        case = await decided(api, clerk(tokens), case, "accept")
    seen: dict[int, tuple[str, int]] = {}
    for days in range(15):
        with at_noon(MONDAY + timedelta(days=days)):
            await note_due(database)
            await note_due(database)
            listed = (await api.get(QUEUE, headers=clerk(tokens))).json()["items"]
            seen[days] = (listed[0]["flag"], listed[0]["level"])
    expected = {3: (None, 0), 4: ("yellow", 0), 6: ("yellow", 0), 7: ("red", 1), 8: ("red", 1), 9: ("red", 2)}
    assert {day: seen[day] for day in expected} == expected  # the step's limit of four days, then half of it again
    assert seen[14] == ("red", 2)
    told = [(each.data["flag"], each.data["level"]) for each in await flags(database)]
    assert told == [("yellow", 0), ("red", 1), ("red", 2)]


async def test_no_alarm_while_the_clock_stands_and_an_unanswered_correction_ends(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    with at_noon(MONDAY):
        case = await closing(api, tokens, database, provider_id, person_id)
        case = await decided(api, clerk(tokens), case, "request_correction", reason="which meter?")
    day, left = MONDAY, 20
    while left:
        day += timedelta(days=1)
        left -= is_working_day(day)
        with at_noon(day):
            await note_due(database)
    path = f"{APPLICATIONS}/{case['application_id']}"
    with at_noon(day):
        waiting = (await api.get(path, headers=tokens.resident(person_id))).json()
        assert (waiting["state"], waiting["flag"], waiting["consumed_days"]) == ("correction", None, 0)
    with at_noon(day + timedelta(days=4)):
        await note_due(database)
        ended = (await api.get(path, headers=tokens.resident(person_id))).json()
        form = {"last_day": "2026-12-30"}
        late = await act(api, APPLICATIONS, tokens.resident(person_id), ended, "correct", form=form)
    assert (ended["status"], ended["state"], ended["steps"][-1]["actor"]) == ("ended", "lapsed", "system")
    assert (late.status_code, late.json()["code"]) == (409, "action_not_possible")
    assert await flags(database) == []


async def test_a_correction_on_the_last_day_is_in_time(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID, resident: Headers
) -> None:
    with at_noon(MONDAY):
        case = await closing(api, tokens, database, provider_id, person_id)
        case = await decided(api, clerk(tokens), case, "request_correction", reason="which meter?")
    with at_noon(date(2026, 3, 5)):
        await note_due(database)
        form = {"last_day": "2026-12-30"}
        answer = await act(api, APPLICATIONS, tokens.resident(person_id), case, "correct", form=form)
        assert (answer.json()["state"], answer.json()["promised_on"]) == ("submitted", "2026-03-12")
