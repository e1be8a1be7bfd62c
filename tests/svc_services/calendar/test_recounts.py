"""A corrected calendar moves the promises of open cases, and the applicant sees why."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
import time_machine
from sqlalchemy import select

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_services.cases.applications import worker
from svc_services.cases.applications.models import Application
from tests.svc_services.calendar.changes import CORBAN, changed
from tests.svc_services.cases.applications.cases import APPLICATIONS, Case, bound, clerk, decided, submitted


def at_noon(day: str) -> Any:  # noqa: ANN401 - time_machine's type
    return time_machine.travel(f"{day}T12:00:00+08:00")


async def closing(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID, account: str
) -> Case:
    number = await bound(database, person_id, provider_id, account)
    headers = tokens.resident(person_id)
    form = {"last_day": "2026-12-31"}
    return await submitted(api, headers, provider_id, kind="closure", form=form, account_number=number)


async def read(api: httpx.AsyncClient, tokens: Tokens, person_id: UUID, case: Case) -> Case:
    shown: Case = (await api.get(f"{APPLICATIONS}/{case['application_id']}", headers=tokens.resident(person_id))).json()
    return shown


async def test_a_new_holiday_moves_the_promise_and_the_applicant_sees_why(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    person_id = new_id()
    with at_noon("2026-03-02"):
        case = await closing(api, tokens, database, provider_id, person_id, "1234567895")
        assert (case["promised_on"], case["promise_moves"]) == ("2026-03-09", [])
    with at_noon("2026-03-04"):
        await changed(api, tokens, ("2026-03-05", False), ("2026-03-06", False))
        await worker.recount_changed(database)
        await worker.recount_changed(database)
        shown = await read(api, tokens, person_id, case)
    assert (shown["promised_on"], shown["consumed_days"]) == ("2026-03-11", 2)
    (move,) = shown["promise_moves"]
    assert (move["moved_from"], move["moved_to"], move["cause"]) == ("2026-03-09", "2026-03-11", "calendar")
    assert move["reason"] == CORBAN


async def test_what_was_counted_stays_counted(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    person_id = new_id()
    with at_noon("2026-03-02"):
        case = await closing(api, tokens, database, provider_id, person_id, "1234567895")
    with at_noon("2026-03-05"):
        case = await decided(api, clerk(tokens), case, "request_correction", reason="which meter?")
        await changed(api, tokens, ("2026-03-03", False), ("2026-03-04", False))
        await worker.recount_changed(database)
        shown = await read(api, tokens, person_id, case)
    assert (shown["consumed_days"], shown["promised_on"], shown["flag"]) == (3, None, None)


async def test_a_pause_moves_the_promise_and_says_so(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    person_id = new_id()
    with at_noon("2026-03-02"):
        case = await closing(api, tokens, database, provider_id, person_id, "1234567895")
        case = await decided(api, clerk(tokens), case, "request_correction", reason="which meter?")
    with at_noon("2026-03-06"):
        path = f"{APPLICATIONS}/{case['application_id']}/actions"
        headers = tokens.resident(person_id) | {"If-Match": f'"{case["version"]}"', "Idempotency-Key": str(new_id())}
        body = {"action": "correct", "form": {"last_day": "2026-12-31"}}
        shown = (await api.post(path, json=body, headers=headers)).json()
    (move,) = shown["promise_moves"]
    assert (move["moved_from"], move["moved_to"], move["cause"]) == ("2026-03-09", "2026-03-13", "pause")


async def test_a_promise_in_a_year_without_holidays_has_a_note_until_they_are_published(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID
) -> None:
    person_id = new_id()
    with at_noon("2026-12-29"):
        case = await closing(api, tokens, database, provider_id, person_id, "1234567895")
        assert (case["promised_on"], "Monday" in case["calendar_note"]["en"]) == ("2027-01-05", True)
        await changed(api, tokens, ("2027-01-01", False), year=2027, completes_year=True)
        await worker.recount_changed(database)
        shown = await read(api, tokens, person_id, case)
    assert (shown["promised_on"], shown["calendar_note"]) == ("2027-01-06", None)


async def test_an_interrupted_recount_goes_on_where_it_was(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = [new_id() for _ in range(4)]
    with at_noon("2026-03-02"):
        for number, person_id in enumerate(people):
            await closing(api, tokens, database, provider_id, person_id, f"123456789{number}")
    monkeypatch.setattr(worker, "_AT_ONCE", 1)
    with at_noon("2026-03-02"):
        await changed(api, tokens, ("2026-03-03", False))
        assert await worker._recount_some(database)  # noqa: SLF001 - the run ends here, as a killed worker's does
        assert await promises(database) == [date(2026, 3, 9)] * 3 + [date(2026, 3, 10)]
        await worker.recount_changed(database)
        assert await promises(database) == [date(2026, 3, 10)] * 4


async def promises(database: Database) -> list[date]:
    async with database.read() as tx:
        return sorted([each.promised_on for each in await tx.scalars(select(Application)) if each.promised_on])
