"""Complaints run out by working days: flags, levels, corrected calendars, silence, and what is no longer possible."""

from uuid import UUID

import httpx

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_services.supervision.complaints.worker import close_unanswered, note_late
from tests.svc_services.calendar.changes import changed
from tests.svc_services.supervision.complaints.filed import (
    COMPLAINTS,
    RECEIVED,
    SAID,
    TO_AUTHORITY,
    TO_PROVIDER,
    answered,
    filed,
    office,
)
from tests.svc_services.supervision.scenes import ORDERS, Someone, at_noon, done, post, refused


async def test_a_refusal_is_disputed_in_time(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID
) -> None:
    mine = await filed(api, tokens, provider_id, person_id)
    with at_noon("2026-03-02"):
        shown = await done(api, f"{RECEIVED}/{mine}/refuse", office(tokens), SAID)
        assert (shown["status"], shown["dispute_until"]) == ("refused", "2026-03-23")
    with at_noon("2026-03-24"):
        late = await post(api, f"{COMPLAINTS}/{mine}/dispute", tokens.resident(person_id), SAID)
        assert refused(late) == (409, "complaint_dispute_too_late")
    with at_noon("2026-03-23"):
        shown = await done(api, f"{COMPLAINTS}/{mine}/dispute", tokens.resident(person_id), SAID)
    assert (shown["status"], shown["ended_at"]) == ("disputed", None)


async def test_it_turns_yellow_and_red_and_rises_by_working_days(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    with at_noon("2026-03-02"):
        complaint_id = await filed(api, tokens, provider_id, person_id)
        await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_PROVIDER)
    path, seen = f"{RECEIVED}/{complaint_id}", []
    for day in ("2026-03-17", "2026-03-18", "2026-03-23", "2026-03-24", "2026-04-02", "2026-04-03"):
        with at_noon(day):
            await note_late(database)
            await note_late(database)
            shown = (await api.get(path, headers=office(tokens))).json()
            seen.append((shown["flag"], shown["level"], shown["consumed_days"]))
    assert seen == [
        (None, 0, 0),
        ("yellow", 0, 12),
        ("yellow", 0, 12),
        ("red", 1, 16),
        ("red", 1, 16),
        ("red", 2, 24),
    ]
    assert [each["action"] for each in shown["entries"]].count("escalate") == 3
    with at_noon("2026-04-03"):
        for query, count in (("flag=red&level=2", 1), ("flag=yellow", 0), (f"provider_id={new_id()}", 0)):
            found = await api.get(f"{RECEIVED}?{query}", headers=company())
            assert len(found.json()["items"]) == count, query
        order = {"complaint_id": complaint_id, "addressee": "provider", "matter": "why so late?", "reply_days": 3}
        issued = await done(api, ORDERS, office(tokens, "operator"), order)
        assert (issued["complaint_id"], issued["application_id"]) == (complaint_id, None)
        second = await post(api, ORDERS, office(tokens, "operator"), order)
        assert refused(second) == (409, "order_open_already")
        own = await post(api, ORDERS, office(tokens, "operator", person_id), order)
        assert refused(own) == (403, "second_person_needed")


async def test_a_corrected_calendar_moves_the_last_day(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    with at_noon("2026-05-25"):
        complaint_id = await filed(api, tokens, provider_id, person_id)
        path = f"{RECEIVED}/{complaint_id}"
        assert (await api.get(path, headers=office(tokens))).json()["due_on"] == "2026-06-01"
        await changed(api, tokens, ("2026-05-27", False), ("2026-05-28", False))
        await note_late(database)
        assert (await api.get(path, headers=office(tokens))).json()["due_on"] == "2026-06-03"


async def test_silence_closes_it_and_it_is_reopened_once(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    with at_noon("2026-03-02"):
        complaint_id = await filed(api, tokens, provider_id, person_id)
        await answered(api, tokens, company, complaint_id)
    mine = f"{COMPLAINTS}/{complaint_id}"
    for day, status in (("2026-03-23", "answered"), ("2026-03-24", "closed")):
        with at_noon(day):
            await close_unanswered(database)
            assert (await api.get(mine, headers=tokens.resident(person_id))).json()["status"] == status
    with at_noon("2026-05-24"):
        late = await post(api, f"{mine}/reopen", tokens.resident(person_id), SAID)
        assert refused(late) == (409, "complaint_reopen_too_late")
    with at_noon("2026-03-25"):
        again = await done(api, f"{mine}/reopen", tokens.resident(person_id), SAID)
        assert (again["status"], again["consumed_days"], again["due_on"]) == ("handling", 0, "2026-04-16")
        await done(api, f"{RECEIVED}/{complaint_id}/answer", company(), SAID)
        await done(api, f"{mine}/confirm", tokens.resident(person_id))
        second = await post(api, f"{mine}/reopen", tokens.resident(person_id), SAID)
    assert refused(second) == (409, "complaint_reopened_already")


async def test_another_handler_goes_on_with_the_days(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, company: Someone, person_id: UUID
) -> None:
    with at_noon("2026-03-02"):
        complaint_id = await filed(api, tokens, provider_id, person_id)
        early = await post(api, f"{RECEIVED}/{complaint_id}/assign", office(tokens), TO_AUTHORITY | SAID)
        assert refused(early) == (409, "illegal_move")
        await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_PROVIDER)
    with at_noon("2026-03-06"):
        moved = await done(api, f"{RECEIVED}/{complaint_id}/assign", office(tokens), TO_AUTHORITY | SAID)
        assert (moved["handler"], moved["consumed_days"], moved["due_on"]) == ("authority", 4, "2026-03-23")
        not_theirs = await post(api, f"{RECEIVED}/{complaint_id}/answer", company(), SAID)
        assert refused(not_theirs) == (403, "complaint_not_yours")
        assert (await done(api, f"{RECEIVED}/{complaint_id}/answer", office(tokens), SAID))["status"] == "answered"
