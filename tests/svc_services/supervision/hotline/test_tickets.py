"""The hotline sends tickets and results of call-backs, once each, signed with its key."""

import asyncio
import re
import time
from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from fastapi import FastAPI

from chassis.testing import PUBLIC_URL, Tokens
from svc_services.settings import Settings
from tests.svc_services.supervision.complaints.filed import (
    COMPLAINTS,
    CONTACT,
    RECEIVED,
    SAID,
    TO_PROVIDER,
    filed,
    office,
)
from tests.svc_services.supervision.hotline.double import (
    HotlineDouble,
)
from tests.svc_services.supervision.hotline.handed import Tell, handed, seen
from tests.svc_services.supervision.hotline.signed import TICKETS, Caller, ticket
from tests.svc_services.supervision.scenes import Someone, done, post, refused


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
    said = {"reference": "HF-1", "outcome": "unsatisfied", "words": "still dry"}
    assert refused(await caller.post(call_back, said)) == (409, "illegal_move")
    await done(api, f"{path}/accept", office(tokens), TO_PROVIDER)
    await done(api, f"{path}/answer", company(), SAID)
    answers = await asyncio.gather(*(caller.post(call_back, said) for _ in range(4)))
    assert {(each.status_code, each.json()["status"]) for each in answers} == {(200, "disputed")}
    shown = (await api.get(path, headers=office(tokens))).json()
    assert [each["actor"] for each in shown["entries"]] == ["hotline", "staff", "company", "hotline"]
    await done(api, f"{path}/answer", office(tokens, "operator"), SAID)
    late = await caller.post(call_back, said)
    assert (late.status_code, late.json()["status"]) == (200, "answered")
    other = await caller.post(call_back, said | {"outcome": "satisfied"})
    assert refused(other) == (409, "hotline_ticket_differs")
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


async def test_a_signature_counts_once_also_for_reading(api: httpx.AsyncClient, caller: Caller) -> None:
    assert (await caller.post(TICKETS, ticket())).status_code == 201
    path = f"{TICKETS}/{ticket()['hotline_number']}"
    signed = caller.headers("GET", path, b"")
    answers = await asyncio.gather(*(api.get(path, headers=signed) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [200, 403, 403, 403]
    assert {refused(each) for each in answers if each.status_code == 403} == {(403, "hotline_signature_refused")}


async def test_a_signature_has_the_platform_s_label_a_nonce_and_the_whole_address(
    api: httpx.AsyncClient, caller: Caller
) -> None:
    path = f"{TICKETS}/{ticket()['hotline_number']}"
    relabelled = {name: text.replace("myili=", "sig1=") for name, text in caller.headers("GET", path, b"").items()}
    without_nonce = caller.headers("GET", path, b"")
    without_nonce["Signature-Input"] = re.sub('nonce="[^"]*"', 'nonce=""', without_nonce["Signature-Input"])
    for headers in (relabelled, without_nonce):
        assert refused(await api.get(path, headers=headers)) == (403, "hotline_signature_refused")
    added = await caller.post(f"{TICKETS}?evil=1", ticket(), url=f"{PUBLIC_URL}{TICKETS}")
    assert refused(added) == (403, "hotline_signature_refused")


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
