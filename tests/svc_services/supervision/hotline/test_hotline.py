"""Tickets to and from the hotline: both numbers kept, each step told once, and nothing of ours waits for it."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from fastapi import FastAPI
from sqlalchemy import update

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_services.settings import Settings
from svc_services.supervision.hotline.models import HotlineTicket
from tests.svc_services.supervision.complaints.filed import COMPLAINTS, CONTACT, RECEIVED, WORDS, filed, office
from tests.svc_services.supervision.hotline.double import (
    Answer,
    HotlineDouble,
    Ticket,
    reply,
    saying,
    slow,
    with_status,
)
from tests.svc_services.supervision.hotline.signed import TICKETS, Caller, ticket
from tests.svc_services.supervision.scenes import Someone, done, post, refused

Tell = Callable[[], Coroutine[Any, Any, None]]
TO_PROVIDER, SAID = {"handler": "provider"}, {"words": "a new filter is in"}


async def handed(api: httpx.AsyncClient, tokens: Tokens, complaint_id: str, person_id: UUID, **body: Any) -> Any:  # noqa: ANN401
    return await done(api, f"{COMPLAINTS}/{complaint_id}/hand-over", tokens.resident(person_id), body)


async def seen(api: httpx.AsyncClient, tokens: Tokens, complaint_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await api.get(f"{RECEIVED}/{complaint_id}", headers=office(tokens))).json()
    return shown


async def due_again(database: Database) -> None:
    """Let the pause after a failure be over."""
    async with database.transaction() as tx:
        await tx.execute(update(HotlineTicket).values(try_at=now()))


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


async def test_a_ticket_of_the_hotline_becomes_one_complaint(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_id: UUID,
    company: Someone,
    caller: Caller,
    hotline: HotlineDouble,
    tell: Tell,
) -> None:
    answers = await asyncio.gather(*(caller.post(TICKETS, ticket(contact=CONTACT)) for _ in range(4)))
    assert {each.status_code for each in answers} == {201}
    (number,) = {each.json()["number"] for each in answers}
    other = await caller.post(TICKETS, ticket(contact=CONTACT, words="something else"))
    assert refused(other) == (409, "hotline_ticket_differs")
    (row,) = (await api.get(RECEIVED, headers=office(tokens))).json()["items"]
    assert (row["number"], row["hotline_number"], row["source"]) == (number, "YN-20260302-17", "hotline")
    assert (row["provider_id"], row["subject_verified"]) == (None, False)
    path = f"{RECEIVED}/{row['complaint_id']}"
    assert refused(await post(api, f"{path}/accept", office(tokens), TO_PROVIDER)) == (
        422,
        "complaint_provider_needed",
    )
    order = {"complaint_id": row["complaint_id"], "addressee": "provider", "matter": "why?", "reply_days": 3}
    early = await post(api, "/services/v1/supervision-orders", office(tokens, "operator"), order)
    assert refused(early) == (409, "order_without_provider")
    accepted = await done(api, f"{path}/accept", office(tokens), TO_PROVIDER | {"provider_id": str(provider_id)})
    assert accepted["contact"] == CONTACT
    assert (await api.get(path, headers=company())).json()["contact"] is None
    await done(api, f"{path}/answer", company(), SAID)
    await tell()
    told = hotline.tickets[number]
    assert (told["status"], told["answer"], told["words"], told["contact"]) == ("answered", SAID["words"], None, None)
    now_at = (await caller.get(f"{TICKETS}/YN-20260302-17")).json()
    assert (now_at["number"], now_at["status"]) == (number, "answered")


async def test_the_hotline_returns_its_call_back_once(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, company: Someone, caller: Caller
) -> None:
    await caller.post(TICKETS, ticket(provider_id=str(provider_id)))
    (row,) = (await api.get(RECEIVED, headers=office(tokens))).json()["items"]
    path, call_back = f"{RECEIVED}/{row['complaint_id']}", f"{TICKETS}/{row['hotline_number']}/call-back"
    said = {"outcome": "unsatisfied", "words": "still dry"}
    assert refused(await caller.post(call_back, said)) == (409, "illegal_move")
    await done(api, f"{path}/accept", office(tokens), TO_PROVIDER)
    await done(api, f"{path}/answer", company(), SAID)
    answers = await asyncio.gather(*(caller.post(call_back, said) for _ in range(4)))
    assert {(each.status_code, each.json()["status"]) for each in answers} == {(200, "disputed")}
    shown = (await api.get(path, headers=office(tokens))).json()
    assert [each["actor"] for each in shown["entries"]] == ["hotline", "staff", "company", "hotline"]
    unknown = await caller.post(f"{TICKETS}/YN-0/call-back", said)
    assert refused(unknown) == (404, "not_found")


async def test_a_number_that_we_were_given_is_no_new_ticket(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_id: UUID,
    person_id: UUID,
    caller: Caller,
    tell: Tell,
) -> None:
    complaint_id = await filed(api, tokens, provider_id, person_id)
    await handed(api, tokens, complaint_id, person_id)
    await tell()
    number = (await seen(api, tokens, complaint_id))["hotline_number"]
    echoed = await caller.post(TICKETS, ticket(hotline_number=number))
    assert refused(echoed) == (409, "hotline_ticket_differs")


async def test_only_the_key_of_the_hotline_signs_for_it(api: httpx.AsyncClient, caller: Caller) -> None:
    foreign = Caller(api, generate_private_key(65537, 2048))
    forgeries = [
        foreign.post(TICKETS, ticket()),
        caller.post(TICKETS, ticket(), recipient="somebody"),
        caller.post(TICKETS, ticket(), url="http://gateway.test/services/v1/other"),
        caller.post(TICKETS, ticket(), created=int(time.time()) - 3600),
        caller.post(TICKETS, ticket(), sent=b'{"hotline_number": "1"}'),
        api.post(TICKETS, json=ticket(), headers={"Idempotency-Key": "1"}),
    ]
    for answer in await asyncio.gather(*forgeries):
        assert refused(answer) == (403, "hotline_signature_refused")


@pytest.mark.parametrize(
    "changes",
    [
        {"hotline_number": ""},
        {"hotline_number": "a/b"},
        {"hotline_number": "１２"},
        {"hotline_number": "9" * 41},
        {"division_code": "x"},
        {"words": "a\u0000b"},
        {"words": "x" * 2001},
        {"contact": {"name": "张三", "phone": "\u202e138"}},
        {"caller": "x"},
    ],
)
async def test_a_ticket_that_cannot_be_meant_is_refused(caller: Caller, changes: dict[str, object]) -> None:
    assert refused(await caller.post(TICKETS, ticket(**changes))) == (422, "invalid_request")


async def test_without_a_hotline_nothing_is_handed_over_or_taken(
    app: FastAPI, api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID, caller: Caller
) -> None:
    settings: Settings = app.state.settings
    app.state.settings = settings.model_copy(update={"hotline_url": "off", "hotline_public_key": None})
    complaint_id = await filed(api, tokens, provider_id, person_id)
    answer = await post(api, f"{COMPLAINTS}/{complaint_id}/hand-over", tokens.resident(person_id), {})
    assert refused(answer) == (409, "hotline_off")
    assert refused(await caller.post(TICKETS, ticket())) == (403, "hotline_signature_refused")


@pytest.mark.parametrize("url", ["http://hotline.example", "ftp://hotline.example", "on", "https://", "https://a?b"])
async def test_the_address_of_the_hotline_is_https(settings: Settings, url: str) -> None:
    with pytest.raises(ValueError, match="https address of the hotline"):
        Settings(**settings.model_dump() | {"hotline_url": url})
