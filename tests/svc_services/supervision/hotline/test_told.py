"""The hotline is told where each complaint stands; both numbers are kept, and nothing of ours waits for it."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler
from uuid import UUID

import httpx
import pytest

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_services.supervision.hotline.models import HotlineTicket
from tests.svc_services.cases.applications.cases import KUYTUN
from tests.svc_services.supervision.complaints.filed import (
    COMPLAINTS,
    CONTACT,
    RECEIVED,
    SAID,
    TO_PROVIDER,
    WORDS,
    filed,
    office,
)
from tests.svc_services.supervision.hotline.double import (
    Answer,
    HotlineDouble,
    Ticket,
    reply,
    saying,
    slow,
    with_status,
)
from tests.svc_services.supervision.hotline.handed import Tell, due_again, handed, seen
from tests.svc_services.supervision.scenes import Someone, done, post, refused


async def test_the_hotline_is_told_of_each_step_and_gives_its_number(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_id: UUID,
    company: Someone,
    person_id: UUID,
    hotline: HotlineDouble,
    tell: Tell,
) -> None:
    complaint_id = await filed(api, tokens, provider_id, person_id, contact=CONTACT)
    await tell()
    assert hotline.received == []
    await handed(api, tokens, complaint_id, person_id)
    await handed(api, tokens, complaint_id, person_id)
    await tell()
    await tell()
    (first,) = hotline.received
    assert (first["status"], first["words"], first["contact"], first["hotline_number"]) == ("filed", WORDS, None, None)
    mine = (await api.get(f"{COMPLAINTS}/{complaint_id}", headers=tokens.resident(person_id))).json()
    assert mine["hotline_number"] == f"YL-{mine['number']}"
    await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_PROVIDER)
    await done(api, f"{RECEIVED}/{complaint_id}/answer", company(), SAID)
    await done(
        api, f"{RECEIVED}/{complaint_id}/call-back", office(tokens), {"outcome": "satisfied", "words": "it is clear"}
    )
    await tell()
    last = hotline.tickets[mine["number"]]
    assert (last["status"], last["answer"], last["hotline_number"]) == (
        "closed",
        SAID["words"],
        mine["hotline_number"],
    )
    assert (last["call_back"]["outcome"], last["call_back"]["words"]) == ("satisfied", "it is clear")
    assert len(hotline.received) == 2
    assert str(person_id) not in str(hotline.received)


async def test_the_contact_goes_along_with_consent(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID, hotline: HotlineDouble, tell: Tell
) -> None:
    without = await filed(api, tokens, provider_id, person_id)
    path = f"{COMPLAINTS}/{without}/hand-over"
    answer = await post(api, path, tokens.resident(person_id), {"share_contact": True})
    assert refused(answer) == (422, "no_contact_to_share")
    assert refused(await post(api, path, tokens.resident(new_id()), {})) == (404, "not_found")
    other = new_id()
    complaint_id = await filed(api, tokens, provider_id, other, contact=CONTACT)
    await handed(api, tokens, complaint_id, other, share_contact=True)
    await tell()
    assert [each["contact"] for each in hotline.received] == [CONTACT]


async def test_the_contact_can_be_shared_later_also_when_an_operator_was_first(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, hotline: HotlineDouble, tell: Tell
) -> None:
    """Once more it changes nothing, and without consent it is not taken back silently."""
    for by_operator in (False, True):
        person_id = new_id()
        complaint_id = await filed(api, tokens, provider_id, person_id, contact=CONTACT)
        if by_operator:
            await done(api, f"{RECEIVED}/{complaint_id}/hand-over", office(tokens, "operator"), {})
        else:
            await handed(api, tokens, complaint_id, person_id)
        await tell()
        assert hotline.received[-1]["contact"] is None
        for share in (True, True, False):
            await handed(api, tokens, complaint_id, person_id, share_contact=share)
            await tell()
        assert hotline.received[-1]["contact"] == CONTACT
    assert len(hotline.received) == 4


@pytest.mark.parametrize(
    "answer",
    [
        with_status(503),
        with_status(404),
        with_status(302),
        slow(4.0),
        lambda handler, _: reply(handler, 200, b"\xff\xfe not json"),
        lambda handler, _: reply(handler, 200, b"[" * 60_000),
        lambda handler, _: reply(handler, 200, b"x" * 300_000),
        saying(hotline_number="<script>"),
        saying(hotline_number="9" * 41),
        saying(hotline_number=17),
        saying(number=None),
    ],
)
async def test_an_unreachable_slow_or_mad_hotline_is_tried_again_and_blocks_nothing(  # noqa: PLR0913, PLR0917 - fixtures
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    person_id: UUID,
    hotline: HotlineDouble,
    tell: Tell,
    answer: Answer,
) -> None:
    complaint_id = await filed(api, tokens, provider_id, person_id)
    await handed(api, tokens, complaint_id, person_id)
    hotline.answer = answer
    await tell()
    await tell()
    assert len(hotline.received) == 1
    accepted = await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_PROVIDER)
    assert (accepted["status"], accepted["hotline_number"], accepted["hotline_problem"]) == ("handling", None, None)
    async with database.read() as tx:
        row = await tx.get_one(HotlineTicket, UUID(complaint_id))
        assert (row.failures, row.told_revision, row.try_at > now()) == (1, 0, True)
    hotline.answer = hotline.usual
    await due_again(database)
    await tell()
    assert [each["revision"] for each in hotline.received] == [1, 2]
    assert (await seen(api, tokens, complaint_id))["hotline_number"] == f"YL-{accepted['number']}"


async def test_pauses_grow(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    person_id: UUID,
    hotline: HotlineDouble,
    tell: Tell,
) -> None:
    complaint_id, pauses = await filed(api, tokens, provider_id, person_id), []
    await handed(api, tokens, complaint_id, person_id)
    hotline.answer = with_status(500)
    for _ in range(7):
        await due_again(database)
        await tell()
        async with database.read() as tx:
            row = await tx.get_one(HotlineTicket, UUID(complaint_id))
            pauses.append(round((row.try_at - now()).total_seconds(), -1))
    assert pauses == [10, 60, 300, 900, 3600, 3600, 3600]


async def test_numbers_that_contradict_ours_are_not_kept(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    hotline: HotlineDouble,
    tell: Tell,
) -> None:
    ids = []
    for answer in (hotline.usual, saying(number="TS20260302-ABCDEFGH")):
        person_id = new_id()
        complaint_id = await filed(api, tokens, provider_id, person_id)
        await handed(api, tokens, complaint_id, person_id)
        hotline.answer = answer
        await tell()
        ids.append(complaint_id)
    good, lied = [await seen(api, tokens, each) for each in ids]
    assert (lied["hotline_number"], lied["hotline_problem"]) == (None, "other_ticket")
    assert good["hotline_problem"] is None
    hotline.answer = saying(hotline_number="YL-OTHER")
    await done(api, f"{RECEIVED}/{ids[0]}/accept", office(tokens), TO_PROVIDER)
    await tell()
    changed = await seen(api, tokens, ids[0])
    assert (changed["hotline_number"], changed["hotline_problem"]) == (good["hotline_number"], "number_changed")
    hotline.answer = saying(hotline_number=good["hotline_number"])
    path = f"{RECEIVED}/{ids[1]}/retry-hotline"
    assert refused(await post(api, path, office(tokens))) == (403, "not_allowed")
    await done(api, path, office(tokens, "operator"))
    await tell()
    assert (await seen(api, tokens, ids[1]))["hotline_problem"] == "number_taken"
    before = len(hotline.received)
    await due_again(database)
    await tell()
    assert len(hotline.received) == before
    hotline.answer = hotline.usual
    await done(api, path, office(tokens, "operator"))
    await tell()
    assert (await seen(api, tokens, ids[1]))["hotline_number"] == f"YL-{lied['number']}"


async def test_two_workers_tell_it_once(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID, hotline: HotlineDouble, tell: Tell
) -> None:
    complaint_id = await filed(api, tokens, provider_id, person_id)
    await handed(api, tokens, complaint_id, person_id)
    await asyncio.gather(*(tell() for _ in range(4)))
    assert len(hotline.received) == 1


async def test_a_step_during_the_call_is_told_next(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID, hotline: HotlineDouble, tell: Tell
) -> None:
    complaint_id = await filed(api, tokens, provider_id, person_id)
    await handed(api, tokens, complaint_id, person_id)
    called, withdrawn = threading.Event(), threading.Event()

    def answer_later(handler: BaseHTTPRequestHandler, content: Ticket) -> None:
        called.set()
        withdrawn.wait(5)
        hotline.usual(handler, content)

    hotline.answer = answer_later
    telling = asyncio.create_task(tell())
    assert await asyncio.to_thread(called.wait, 5)
    await done(api, f"{COMPLAINTS}/{complaint_id}/withdraw", tokens.resident(person_id))
    withdrawn.set()
    await telling
    await tell()
    assert [each["status"] for each in hotline.received] == ["filed", "withdrawn"]


async def test_a_worker_that_comes_back_after_its_lease_changes_nothing(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    person_id: UUID,
    hotline: HotlineDouble,
    tell: Tell,
) -> None:
    complaint_id = await filed(api, tokens, provider_id, person_id)
    await handed(api, tokens, complaint_id, person_id)
    called, gone_on = threading.Event(), threading.Event()

    def stall(handler: BaseHTTPRequestHandler, content: Ticket) -> None:
        called.set()
        gone_on.wait(5)
        saying(hotline_number="YL-LATE")(handler, content)

    hotline.answer = stall
    late = asyncio.create_task(tell())
    assert await asyncio.to_thread(called.wait, 5)
    hotline.answer = hotline.usual
    await due_again(database)
    await tell()
    gone_on.set()
    await late
    shown = await seen(api, tokens, complaint_id)
    assert (shown["hotline_number"], shown["hotline_problem"]) == (f"YL-{shown['number']}", None)


async def test_an_operator_hands_over_what_the_hotline_must_know(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID, hotline: HotlineDouble, tell: Tell
) -> None:
    complaint_id = await filed(api, tokens, provider_id, person_id, contact=CONTACT)
    path = f"{RECEIVED}/{complaint_id}/hand-over"
    elsewhere = office(tokens, "operator", division_code=KUYTUN)
    assert refused(await post(api, path, elsewhere)) == (404, "not_found")
    await done(api, path, office(tokens, "operator"))
    await tell()
    (told,) = hotline.received
    assert (told["words"], told["contact"]) == (WORDS, None)
