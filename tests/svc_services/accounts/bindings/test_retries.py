"""Concurrent and repeated bindings, crashes, and limits on trying account numbers."""

import asyncio
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from uuid import UUID

import httpx
import time_machine

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from svc_services.accounts.bindings.models import AccountBinding, BindingStatus
from svc_services.accounts.bindings.service import give_up_abandoned
from tests.svc_services.accounts.bindings.conftest import ACCOUNT, Bind
from tests.svc_services.accounts.bindings.stored import binding_events, bindings_in, code
from tests.svc_services.companies import (
    BINDINGS,
    ProviderSystem,
    ReceivedRequest,
    account_number,
    answer_with,
    attestation,
)


async def test_persons_binding_one_account_concurrently_leave_one_owner(
    database: Database, bind: Bind, provider_system: ProviderSystem
) -> None:
    all_arrived = threading.Barrier(4, timeout=20)

    def answer_when_all_have_arrived(handler: BaseHTTPRequestHandler, request: ReceivedRequest) -> None:
        all_arrived.wait()
        answer_with("match")(handler, request)

    provider_system.answer = answer_when_all_have_arrived
    answers = await asyncio.gather(*(bind(person=new_id()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"already_bound"}
    assert sorted(binding.status for binding in await bindings_in(database)) == ["active", *["refused"] * 3]
    assert len(await binding_events(database)) == 1


async def test_concurrent_bindings_by_one_person_make_one_request(
    database: Database, bind: Bind, provider_system: ProviderSystem
) -> None:
    others_answered = threading.Event()

    def answer_last(handler: BaseHTTPRequestHandler, request: ReceivedRequest) -> None:
        others_answered.wait(20)
        answer_with("match")(handler, request)

    provider_system.answer = answer_last
    attempts = [asyncio.create_task(bind()) for _ in range(4)]
    early: set[asyncio.Task[httpx.Response]] = set()
    while len(early) < 3:
        early, _ = await asyncio.wait(attempts, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    others_answered.set()
    answers = [await attempt for attempt in attempts]
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"binding_in_progress"}
    assert len(provider_system.requests) == 1
    assert len(await bindings_in(database)) == 1


async def test_a_retry_with_the_same_key_gets_the_same_answer_without_a_second_request(
    bind: Bind, provider_system: ProviderSystem, tokens: Tokens, person_id: UUID
) -> None:
    key, token = once(), attestation(tokens, person_id)
    first = await bind(idempotency_key=key, token=token)
    second = await bind(idempotency_key=key, token=token)
    assert (second.status_code, second.json(), second.headers["idempotency-replayed"]) == (201, first.json(), "true")
    with time_machine.travel(now() + timedelta(minutes=8), tick=False):  # the attestation has expired by now
        assert (await bind(idempotency_key=key, token=token)).json() == first.json()
    assert len(provider_system.requests) == 1


async def test_trying_account_numbers_is_limited(
    bind: Bind, provider_system: ProviderSystem, database: Database
) -> None:
    provider_system.answer = answer_with("no_match")
    for number in range(10):
        assert code(await bind(account_number(number))) == (422, "holder_does_not_match")
    stopped = await bind(account_number(11))
    assert code(stopped) == (429, "too_many_attempts")
    assert 86_000 < int(stopped.headers["retry-after"]) <= 86_400
    assert int(stopped.headers["retry-after"]) > 0
    assert len(provider_system.requests) == 10
    provider_system.answer = answer_with("match")
    assert (await bind(person=new_id())).status_code == 201, "another person is not held up"
    with time_machine.travel(now() + timedelta(hours=25), tick=False):
        assert (await bind(account_number(11))).status_code == 201
    assert len(await bindings_in(database)) == 12


async def test_trying_account_numbers_concurrently_is_limited(bind: Bind, provider_system: ProviderSystem) -> None:
    provider_system.answer = answer_with("no_match")
    answers = await asyncio.gather(*(bind(account_number(number)) for number in range(16)))
    assert sorted(answer.status_code for answer in answers) == [422] * 10 + [429] * 6
    assert len(provider_system.requests) == 10


async def test_concurrent_requests_to_end_a_binding_end_it_once(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, database: Database, person_id: UUID
) -> None:
    path = f"{BINDINGS}/{(await bind()).json()['binding_id']}"
    answers = await asyncio.gather(*(api.delete(path, headers=tokens.resident(person_id)) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [204] * 4
    assert len(await binding_events(database)) == 2


async def test_a_binding_left_by_a_crash_becomes_unknown_and_can_be_retried(
    bind: Bind, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    """A kill -9 between the two transactions leaves such a binding."""
    async with database.transaction() as tx:
        tx.add(AccountBinding(person_id=person_id, provider_id=provider_id, account_number=ACCOUNT))
    await give_up_abandoned(database)
    assert code(await bind()) == (409, "binding_in_progress")
    with time_machine.travel(now() + timedelta(minutes=2), tick=False):
        await give_up_abandoned(database)
    assert [binding.status for binding in await bindings_in(database)] == [BindingStatus.UNKNOWN]
    assert (await bind()).status_code == 201
    assert [binding.status for binding in await bindings_in(database)] == [BindingStatus.ACTIVE]


async def test_an_answer_that_arrives_after_a_retry_changes_nothing(
    bind: Bind, database: Database, provider_system: ProviderSystem
) -> None:
    """The process was suspended for minutes between the call and its answer."""
    retry_done = threading.Event()

    def answer_the_first_late(handler: BaseHTTPRequestHandler, request: ReceivedRequest) -> None:
        first = request is provider_system.requests[0]
        if first:
            retry_done.wait(20)
        answer_with("no_match" if first else "match")(handler, request)

    provider_system.answer = answer_the_first_late
    late = asyncio.create_task(bind())
    await asyncio.to_thread(provider_system.first_request.wait, 20)
    with time_machine.travel(now() + timedelta(minutes=2), tick=False):
        await give_up_abandoned(database)
    retried = await bind()
    retry_done.set()
    assert (retried.status_code, code(await late)) == (201, (502, "provider_unreachable"))
    assert [binding.status for binding in await bindings_in(database)] == ["active"]
    assert len(await binding_events(database)) == 1
