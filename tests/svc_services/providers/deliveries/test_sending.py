"""Deliveries are signed, in the order of each subject, sent until received, by one worker at a time."""

import asyncio
from collections import Counter
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chassis.db import Database, new_id
from chassis.testing import Tokens, until
from kit.deliveries import DeliveryFault
from kit.endpoint_urls import Endpoints
from kit.signatures.keys import thumbprint
from kit.signatures.messages import Request, verify_request
from svc_services.providers.deliveries.leasing import begin, lease, record
from svc_services.providers.deliveries.models import DeliveryStatus
from svc_services.providers.deliveries.sender import AT_ONCE, Sender
from svc_services.providers.deliveries.service import give_up_due
from tests.svc_services.companies import ProviderSystem, ReceivedRequest, answer_with, answer_with_bytes
from tests.svc_services.providers.deliveries.sink import BROKEN, RECEIVED, REFUSED, Held, Receiver, receiver, to

LEASE = timedelta(seconds=30)


async def test_a_delivery_is_signed_for_its_company_and_recorded(company: Receiver, signing_key: RSAPrivateKey) -> None:
    subject = await company.tell(version=1)
    await company.send()
    (sent,), (row,) = company.system.requests, await company.rows()
    url = f"{company.system.url}/deliveries"
    keys = {thumbprint(signing_key.public_key()): signing_key.public_key()}
    verify_request(keys, str(company.provider_id), Request("POST", url, sent.headers), sent.body)
    assert sent.path == "/platform/deliveries"
    assert sent.json == {
        "provider_id": str(company.provider_id),
        "delivery_id": str(row.id),
        "kind": "application_moved",
        "subject_id": str(subject),
        "occurred_at": row.occurred_at.isoformat(),
        "details": {"version": 1},
    }
    (tried,) = await company.attempts()
    assert (row.status, row.tries, tried.number, tried.status, tried.fault) == ("delivered", 1, 1, 200, None)


async def test_of_one_subject_the_next_waits_and_others_are_not_held_up(company: Receiver) -> None:
    held, other = await company.tell(version=1), new_id()
    await company.tell(held, version=2)
    for version in (1, 2, 3):
        await company.tell(other, version=version)
    company.system.answer = to([held])
    await company.send()
    assert Counter(company.told()) == Counter([(held, 1), (other, 1), (other, 2), (other, 3)])
    assert [each for each in company.told() if each[0] == other] == [(other, 1), (other, 2), (other, 3)]
    company.system.answer = RECEIVED
    await company.send()
    assert len(company.system.requests) == 4  # its pause is not over
    await company.let_pass(timedelta(seconds=10))
    await company.send()
    assert company.told()[4:] == [(held, 1), (held, 2)]


async def test_a_failed_delivery_is_the_same_when_it_is_tried_again(company: Receiver) -> None:
    await company.tell(version=1)
    company.system.answer = BROKEN
    await company.send()
    await company.let_pass(timedelta(seconds=10))
    company.system.answer = RECEIVED
    await company.send()
    first, second = company.system.requests
    assert first.body == second.body
    assert first.headers["Signature"] != second.headers["Signature"]


async def test_pauses_grow_and_after_72_hours_it_is_given_up(company: Receiver) -> None:
    await company.tell(version=1)
    company.system.answer = REFUSED
    pauses, passed = [], timedelta()
    while (await company.rows())[0].status != DeliveryStatus.GIVEN_UP:
        await company.send()
        (row,) = await company.rows()
        pause = max(row.try_at - (await company.attempts())[-1].began_at, timedelta(seconds=1))
        pauses.append(round(pause.total_seconds()))
        await company.let_pass(pause)
        passed += pause
        assert passed < timedelta(hours=90)
    assert passed >= timedelta(hours=72)
    assert pauses[:4] == [10, 30, 120, 300]
    assert pauses[:-1] == sorted(pauses[:-1])
    assert 15 < len(company.system.requests) == len(await company.attempts()) < 40
    assert {each.answer for each in await company.attempts()} == {"not_now"}


async def test_the_next_of_a_case_follows_one_that_was_given_up(company: Receiver) -> None:
    subject = await company.tell(version=1)
    await company.let_pass(timedelta(hours=71))
    await company.tell(subject, version=2)
    await company.let_pass(timedelta(hours=1))
    await give_up_due(company.database)
    await company.send()
    assert company.told() == [(subject, 2)]
    assert [row.status for row in await company.rows()] == ["given_up", "delivered"]


@pytest.mark.parametrize(
    ("status", "body", "fault", "kept"),
    [
        (503, b"<h1>Mr Zhang is at lunch</h1>", DeliveryFault.WRONG_STATUS, None),
        (422, b'{"code": "unknown_case", "detail": "650103199001011234"}', DeliveryFault.WRONG_STATUS, "unknown_case"),
        (422, b'{"code": "650103199001011234"}', DeliveryFault.WRONG_STATUS, None),
        (422, b'{"code": "Zhang San"}', DeliveryFault.WRONG_STATUS, None),
        (422, b'{"code": "a", "code": "b"}', DeliveryFault.WRONG_STATUS, None),
        (422, b"[" * 60_000, DeliveryFault.WRONG_STATUS, None),
        (422, b"\xff\xfe", DeliveryFault.WRONG_STATUS, None),
        (200, b"<h1>Welcome</h1>", DeliveryFault.WRONG_ANSWER, None),
        (200, b'{"result": "later"}', DeliveryFault.WRONG_ANSWER, None),
        (204, b"", DeliveryFault.WRONG_STATUS, None),
        (200, b"x" * 70_000, DeliveryFault.NO_ANSWER, None),
        (302, b"", DeliveryFault.WRONG_STATUS, None),
    ],
)
async def test_what_is_no_receipt_is_a_fault_and_says_nothing_of_anybody(
    company: Receiver, status: int, body: bytes, fault: DeliveryFault, kept: str | None
) -> None:
    await company.tell(version=1)
    company.system.answer = answer_with_bytes(body, status)
    await company.send()
    (tried,), (row,) = await company.attempts(), await company.rows()
    assert (tried.fault, tried.answer, row.status) == (fault, kept, "pending")


async def test_a_redirect_is_not_followed(company: Receiver) -> None:
    with ProviderSystem().running() as elsewhere:

        def redirecting(handler: BaseHTTPRequestHandler, _: ReceivedRequest) -> None:
            handler.send_response(307)
            handler.send_header("Location", f"{elsewhere.url}/deliveries")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        company.system.answer = redirecting
        await company.tell(version=1)
        await company.send()
        assert elsewhere.requests == []
    assert (await company.attempts())[0].status == 307


async def test_an_answer_that_does_not_come_is_not_waited_for(company: Receiver) -> None:
    company.sender.seconds = 0.2
    held = Held()
    company.system.answer = held
    await company.tell(version=1)
    await company.send()
    held.go.set()
    (tried,) = await company.attempts()
    assert (tried.fault, tried.status) == (DeliveryFault.NO_ANSWER, None)
    assert 200 <= tried.milliseconds < 5_000


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["9.9.9.9", "192.0.0.8"], ["::ffff:10.0.0.1"], []])
async def test_an_endpoint_that_now_resolves_to_our_own_network_is_not_called(
    company: Receiver, addresses: list[str]
) -> None:
    answers = iter([["9.9.9.9"], addresses])

    async def changed(_: str, __: int) -> list[str]:
        return next(answers)

    endpoints = Endpoints(anywhere=False, resolve=changed)
    url = await endpoints.accepted(f"https://provider.example:{company.system.port}/platform")
    await company.move(url)
    company.sender.endpoints = endpoints
    await company.tell(version=1)
    await company.send()
    assert company.system.requests == []
    assert (await company.attempts())[0].fault == DeliveryFault.ADDRESS_REFUSED


async def test_two_workers_send_each_once_and_in_order(company: Receiver, signing_key: RSAPrivateKey) -> None:
    subjects = [new_id() for _ in range(12)]
    for version in (1, 2, 3):
        for subject in subjects:
            await company.tell(subject, version=version)
    others = [Sender(company.database, signing_key, Endpoints(anywhere=True)) for _ in range(3)]
    while not await company.all_received():
        await asyncio.gather(*(each.work_off(company.provider_id) for each in (company.sender, *others)))
    assert len(company.told()) == 36
    for subject in subjects:
        assert [version for told, version in company.told() if told == subject] == [1, 2, 3]


async def test_a_worker_killed_in_the_middle_loses_nothing(company: Receiver) -> None:
    subject = await company.tell(version=1)
    await company.tell(subject, version=2)
    held = Held()
    company.system.answer = held
    working = asyncio.create_task(company.send())
    await asyncio.to_thread(held.begun.wait, 10)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working
    held.go.set()
    company.system.answer = RECEIVED
    await company.send()
    assert company.told() == [(subject, 1)]  # its lease still holds
    await company.let_pass(company.sender.lease_time)
    await company.send()
    assert company.told() == [(subject, 1), (subject, 1), (subject, 2)]
    assert company.system.requests[0].json["delivery_id"] == company.system.requests[1].json["delivery_id"]


async def test_a_worker_that_comes_back_after_its_lease_changes_nothing(company: Receiver) -> None:
    await company.tell(version=1)
    async with company.database.transaction() as tx:
        (late,) = await lease(tx, await begin(tx, company.provider_id), LEASE, AT_ONCE)
    await company.let_pass(LEASE)
    company.system.answer = BROKEN
    await company.send()
    async with httpx.AsyncClient(trust_env=False) as client:
        company.system.answer = RECEIVED
        outcome = await company.sender.send(client, late)
    async with company.database.transaction() as tx:
        await record(tx, await begin(tx, company.provider_id), [(late, outcome)])
    (row,), tried = await company.rows(), await company.attempts()
    assert (row.status, row.tries, [each.number for each in tried]) == ("pending", 2, [2])


async def test_a_slow_company_delays_no_other(
    company: Receiver, api: httpx.AsyncClient, tokens: Tokens, database: Database, signing_key: RSAPrivateKey
) -> None:
    held = Held()
    company.system.answer = held
    for _ in range(AT_ONCE * 2):
        await company.tell(version=1)
    with ProviderSystem().running() as quick_system:
        quick = await receiver(api, tokens, database, quick_system, signing_key)
        await quick.tell(version=1)
        working = asyncio.create_task(company.sender.run())
        assert await asyncio.to_thread(quick_system.first_request.wait, 20)
        await asyncio.to_thread(held.begun.wait, 20)
        assert len(company.system.requests) <= AT_ONCE
        held.go.set()
        await until(company.all_received)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working


async def test_a_duplicate_receipt_is_harmless(company: Receiver) -> None:
    """The receipt was lost: the company answers the same once more."""
    company.system.answer = answer_with("received", 500)
    await company.tell(version=1)
    await company.send()
    company.system.answer = RECEIVED
    await company.let_pass(timedelta(seconds=10))
    await company.send()
    assert len({request.json["delivery_id"] for request in company.system.requests}) == 1
    assert (await company.rows())[0].status == "delivered"
