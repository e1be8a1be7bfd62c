"""Working days are a public table that two operators change, with a log."""

import asyncio
from datetime import date, timedelta

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted
from kit.calendar import is_working_day
from svc_services.calendar.days.queries import calendar_of
from svc_services.starter import load_calendar
from tests.svc_services.calendar.changes import CHANGES, change_of, changed, decide, operator, propose

CALENDARS = "/services/v1/calendars"


async def test_the_starter_loads_the_calendar_of_the_state_council_once(database: Database) -> None:
    await load_calendar(database)
    async with database.read() as tx:
        calendar = await calendar_of(tx)
    assert (calendar.revision, calendar.years) == (2, {2025, 2026})
    days = [date(2025, 1, 1) + timedelta(days=count) for count in range(730)]
    assert [day for day in days if calendar.is_working_day(day) != is_working_day(day)] == []


async def test_everybody_reads_a_year_and_is_spared_an_unchanged_one(api: httpx.AsyncClient) -> None:
    answer = await api.get(f"{CALENDARS}/2026")
    shown = answer.json()
    assert (shown["complete"], shown["calendar_note"]) == (True, None)
    days = {each["day"]: each["working"] for each in shown["days"]}
    assert (days["2026-10-01"], days["2026-10-10"], "2026-10-08" in days) == (False, True, False)
    assert shown["working_days"] == sum(is_working_day(date(2026, 1, 1) + timedelta(days=n)) for n in range(365))
    again = await api.get(f"{CALENDARS}/2026", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_a_year_without_data_has_weekdays_and_says_so(api: httpx.AsyncClient) -> None:
    shown = (await api.get(f"{CALENDARS}/2031")).json()
    assert (shown["complete"], shown["days"], shown["working_days"]) == (False, [], 261)
    assert "Monday to Friday" in shown["calendar_note"]["en"]


@pytest.mark.parametrize("year", ["1999", "2101", "x", "99999999999999999999"])
async def test_no_year_is_an_error_of_ours(api: httpx.AsyncClient, year: str) -> None:
    assert (await api.get(f"{CALENDARS}/{year}")).status_code in {404, 422}


async def test_a_second_operator_approves_and_the_log_says_who(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    first, second = new_id(), new_id()
    proposed = (await propose(api, operator(tokens, first), change_of(("2026-05-27", False)))).json()
    before = (await api.get(f"{CALENDARS}/2026")).json()
    own = await decide(api, operator(tokens, first), proposed["change_id"])
    assert (own.status_code, own.json()["code"]) == (403, "second_person_needed")
    approved = (await decide(api, operator(tokens, second), proposed["change_id"])).json()
    assert (approved["status"], approved["revision"]) == ("approved", 3)
    assert (approved["proposed_by"], approved["decided_by"]) == (str(first), str(second))
    after = (await api.get(f"{CALENDARS}/2026")).json()
    assert after["working_days"] == before["working_days"] - 1
    again = await decide(api, operator(tokens), proposed["change_id"])
    assert again.status_code == 409
    listed = (await api.get(CHANGES, headers=tokens.staff("auditor"))).json()["items"]
    assert [each["revision"] for each in listed] == [3, 2, 1]
    async with database.read() as tx:
        told = [each.data for each in await emitted(tx) if each.type == "cn.ili.services.calendar.changed.v1"]
    assert told[-1]["days"] == [{"day": "2026-05-27", "working": False}]
    assert told[-1]["revision"] == 3


async def test_a_rejected_change_changes_nothing(api: httpx.AsyncClient, tokens: Tokens) -> None:
    before = (await api.get(f"{CALENDARS}/2026")).json()
    proposed = (await propose(api, operator(tokens), change_of(("2026-05-27", False)))).json()
    assert (await decide(api, operator(tokens), proposed["change_id"], "reject")).json()["status"] == "rejected"
    assert (await api.get(f"{CALENDARS}/2026")).json() == before


async def test_a_day_that_is_ordinary_again_is_listed_no_more(api: httpx.AsyncClient, tokens: Tokens) -> None:
    before = (await api.get(f"{CALENDARS}/2026")).json()
    await changed(api, tokens, ("2026-05-27", False))
    await changed(api, tokens, ("2026-05-27", True))
    after = (await api.get(f"{CALENDARS}/2026")).json()
    assert (after["days"], after["revision"]) == (before["days"], before["revision"] + 2)


async def test_operators_complete_a_year_before_the_package_does(api: httpx.AsyncClient, tokens: Tokens) -> None:
    await changed(api, tokens, ("2027-01-01", False), year=2027, completes_year=True)
    shown = (await api.get(f"{CALENDARS}/2027")).json()
    assert (shown["complete"], shown["calendar_note"], len(shown["days"])) == (True, None, 1)


async def test_changes_approved_at_once_get_one_revision_each(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    days = [f"2026-06-{day:02}" for day in range(1, 6)]
    proposals = [(await propose(api, operator(tokens), change_of((day, False)))).json() for day in days]
    answers = await asyncio.gather(*(decide(api, operator(tokens), each["change_id"]) for each in proposals))
    assert sorted(each.json()["revision"] for each in answers) == [3, 4, 5, 6, 7]
    async with database.read() as tx:
        calendar = await calendar_of(tx)
    assert not any(calendar.is_working_day(date.fromisoformat(day)) for day in days)


@pytest.mark.parametrize(
    "body",
    [
        change_of(),
        change_of(("2027-01-01", False)),
        change_of(("2026-06-01", False), ("2026-06-01", True)),
        change_of(*((f"2026-{1 + n // 28:02}-{1 + n % 28:02}", False) for n in range(101))),
        change_of(("2026-06-01", False), year="2026"),
        change_of(("2026-06-01", False)) | {"reason": {"zh": "x", "en": "x", "kk": "x", "ug": "x"}},
        change_of(("20260601", False)),
    ],
)
async def test_what_cannot_be_meant_is_refused(api: httpx.AsyncClient, tokens: Tokens, body: dict[str, object]) -> None:
    answer = await propose(api, operator(tokens), body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_an_operator_of_a_county_changes_no_calendar(api: httpx.AsyncClient, tokens: Tokens) -> None:
    county = tokens.staff("operator", division_code="654002")
    answer = await propose(api, county, change_of(("2026-05-27", False)))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_division")
