"""A resident binds a utility account, sees it, and ends it."""

import asyncio
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from uuid import UUID

import httpx
import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import select, text

from chassis.db import Database, new_id, now
from chassis.signatures import thumbprint, verify
from chassis.testing import Emitted, Tokens, emitted, once
from svc_services.accounts.bindings.models import AccountBinding, BindingStatus
from svc_services.accounts.bindings.service import give_up_abandoned
from tests.svc_services.accounts.bindings.conftest import ACCOUNT, Bind
from tests.svc_services.companies import BINDINGS, Asked, ProviderSystem, account_number, approved, attestation, says

ACTIVATED = "cn.ili.services.account_binding.activated.v1"
ENDED = "cn.ili.services.account_binding.ended.v1"


async def binding_events(database: Database) -> list[Emitted]:
    async with database.read() as tx:
        return [event for event in await emitted(tx) if ".account_binding." in event.type]


async def bindings_in(database: Database) -> list[AccountBinding]:
    async with database.read() as tx:
        return list(await tx.scalars(select(AccountBinding).order_by(AccountBinding.id)))


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_holder_binds_the_account(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, bind: Bind, provider_id: UUID, person_id: UUID
) -> None:
    answer = await bind()
    assert answer.status_code == 201
    bound = answer.json()
    assert (bound["status"], bound["role"], bound["account_number"]) == ("active", "owner", ACCOUNT)
    assert bound["provider_id"] == str(provider_id)
    mine = tokens.resident(person_id)
    assert (await api.get(BINDINGS, headers=mine)).json() == {"items": [bound], "next_cursor": None}
    assert (await api.get(f"{BINDINGS}/{bound['binding_id']}", headers=mine)).json() == bound
    (event,) = await binding_events(database)
    assert (event.type, event.key) == (ACTIVATED, bound["binding_id"])
    assert event.data == {
        "binding_id": bound["binding_id"],
        "person_id": str(person_id),
        "provider_id": str(provider_id),
        "account_number": ACCOUNT,
        "role": "owner",
    }


async def test_the_provider_is_asked_once_with_a_signature_over_what_it_gets(
    bind: Bind, provider_system: ProviderSystem, signing_key: RSAPrivateKey
) -> None:
    await bind(name="阿依古丽·买买提")
    (asked,) = provider_system.asked
    assert asked.path == "/platform/account-verifications"
    verify({thumbprint(signing_key.public_key()): signing_key.public_key()}, asked.headers, asked.body)
    assert set(asked.json) == {"request_id", "account_number", "holder_name"}
    assert (asked.json["account_number"], asked.json["holder_name"]) == (ACCOUNT, "阿依古丽·买买提")
    assert UUID(asked.json["request_id"]).version == 7


async def test_the_holders_name_is_kept_nowhere(
    database: Database, bind: Bind, provider_system: ProviderSystem
) -> None:
    name = "测试居民甲"
    await bind(name=name)
    provider_system.answer = says("no_match")
    await bind(account_number(222222222), name=name)
    provider_system.answer = says("nonsense")
    await bind(account_number(333333333), name=name)
    async with database.read() as tx:
        tables = await tx.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        for table in tables:
            assert name not in str(await tx.scalar(text(f"SELECT json_agg(t)::text FROM {table} t")))  # noqa: S608
        assert name not in str(await emitted(tx))


@pytest.mark.parametrize(
    ("result", "status", "refusal"),
    [("no_account", 422, "account_not_found"), ("no_match", 422, "holder_does_not_match")],
)
async def test_a_refusal_says_which_and_is_remembered(  # noqa: PLR0913, PLR0917 - fixtures
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    bind: Bind,
    provider_system: ProviderSystem,
    person_id: UUID,
    result: str,
    status: int,
    refusal: str,
) -> None:
    provider_system.answer = says(result)
    assert code(await bind()) == (status, refusal)
    (item,) = (await api.get(BINDINGS, headers=tokens.resident(person_id))).json()["items"]
    assert (item["status"], item["refusal"]) == ("refused", refusal)
    assert await binding_events(database) == []
    provider_system.answer = says("match")
    assert (await bind()).status_code == 201
    active = (await api.get(BINDINGS, params={"status": "active"}, headers=tokens.resident(person_id))).json()["items"]
    assert len(active) == 1


async def test_what_is_bound_is_not_asked_about_again(bind: Bind, provider_system: ProviderSystem) -> None:
    await bind()
    assert code(await bind()) == (409, "already_bound")
    assert len(provider_system.asked) == 1


async def test_a_second_person_of_the_same_name_is_told_that_the_account_is_bound(
    database: Database, bind: Bind, person_id: UUID
) -> None:
    await bind()
    assert code(await bind(person=new_id())) == (409, "already_bound")
    assert [binding.person_id for binding in await bindings_in(database) if binding.status == "active"] == [person_id]


async def test_a_stranger_does_not_learn_that_the_account_is_bound(bind: Bind, provider_system: ProviderSystem) -> None:
    await bind()
    provider_system.answer = says("no_match")
    assert code(await bind(person=new_id(), name="李四")) == (422, "holder_does_not_match")


async def test_two_persons_binding_one_account_at_once_leave_one_owner(
    database: Database, bind: Bind, provider_system: ProviderSystem
) -> None:
    together = threading.Barrier(4, timeout=20)

    def answer_when_all_have_asked(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        together.wait()
        says("match")(handler, asked)

    provider_system.answer = answer_when_all_have_asked
    answers = await asyncio.gather(*(bind(person=new_id()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"already_bound"}
    assert sorted(binding.status for binding in await bindings_in(database)) == ["active", *["refused"] * 3]
    assert len(await binding_events(database)) == 1


async def test_one_person_binding_one_account_twice_at_once_asks_once(
    database: Database, bind: Bind, provider_system: ProviderSystem
) -> None:
    others_answered = threading.Event()

    def answer_last(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        others_answered.wait(20)
        says("match")(handler, asked)

    provider_system.answer = answer_last
    attempts = [asyncio.create_task(bind()) for _ in range(4)]
    early: set[asyncio.Task[httpx.Response]] = set()
    while len(early) < 3:
        early, _ = await asyncio.wait(attempts, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    others_answered.set()
    answers = [await attempt for attempt in attempts]
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"binding_in_progress"}
    assert len(provider_system.asked) == 1
    assert len(await bindings_in(database)) == 1


async def test_a_retry_with_the_same_key_gets_the_same_answer_without_asking_again(
    bind: Bind, provider_system: ProviderSystem, tokens: Tokens, person_id: UUID
) -> None:
    key, token = once(), attestation(tokens, person_id)
    first = await bind(idempotency_key=key, token=token)
    second = await bind(idempotency_key=key, token=token)
    assert (second.status_code, second.json(), second.headers["idempotency-replayed"]) == (201, first.json(), "true")
    with time_machine.travel(now() + timedelta(minutes=8), tick=False):  # the attestation has expired by now
        assert (await bind(idempotency_key=key, token=token)).json() == first.json()
    assert len(provider_system.asked) == 1


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("123456789", "shape"),
        ("12345678901", "shape"),
        ("12345678X0", "shape"),
        (f"{(int(ACCOUNT) + 1) % 10**10:010}", "check_digit"),
    ],
)
async def test_a_number_that_is_no_account_is_refused_before_anybody_is_asked(
    bind: Bind, provider_system: ProviderSystem, database: Database, number: str, reason: str
) -> None:
    answer = await bind(number)
    assert (*code(answer), answer.json()["reason"]) == (422, "bad_account_number", reason)
    assert provider_system.asked == []
    assert await bindings_in(database) == []


async def test_full_width_digits_are_digits(bind: Bind) -> None:
    full_width = "".join(chr(ord(digit) + 0xFEE0) for digit in ACCOUNT)
    assert (await bind(f" {full_width} ")).json()["account_number"] == ACCOUNT


async def test_an_unknown_provider_is_refused(api: httpx.AsyncClient, tokens: Tokens, person_id: UUID) -> None:
    body = {
        "provider_id": str(new_id()),
        "account_number": ACCOUNT,
        "attestation": attestation(tokens, person_id),
    }
    answer = await api.post(BINDINGS, json=body, headers=tokens.resident(person_id) | once())
    assert code(answer) == (422, "unknown_provider")


async def test_trying_numbers_until_one_fits_is_stopped(
    bind: Bind, provider_system: ProviderSystem, database: Database
) -> None:
    provider_system.answer = says("no_match")
    for number in range(10):
        assert code(await bind(account_number(number))) == (422, "holder_does_not_match")
    stopped = await bind(account_number(11))
    assert code(stopped) == (429, "too_many_attempts")
    assert int(stopped.headers["retry-after"]) > 0
    assert len(provider_system.asked) == 10
    provider_system.answer = says("match")
    assert (await bind(person=new_id())).status_code == 201, "another person is not held up"
    with time_machine.travel(now() + timedelta(hours=25), tick=False):
        assert (await bind(account_number(11))).status_code == 201
    assert len(await bindings_in(database)) == 12


async def test_trying_many_numbers_at_once_is_stopped_as_well(bind: Bind, provider_system: ProviderSystem) -> None:
    provider_system.answer = says("no_match")
    answers = await asyncio.gather(*(bind(account_number(number)) for number in range(16)))
    assert sorted(answer.status_code for answer in answers) == [422] * 10 + [429] * 6
    assert len(provider_system.asked) == 10


async def test_anothers_binding_is_not_found(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, database: Database
) -> None:
    path = f"{BINDINGS}/{(await bind()).json()['binding_id']}"
    stranger = tokens.resident()
    for method in ("GET", "DELETE"):
        answer = await api.request(method, path, headers=stranger)
        assert code(answer) == (404, "not_found")
    assert (await api.get(BINDINGS, headers=stranger)).json()["items"] == []
    assert [binding.status for binding in await bindings_in(database)] == ["active"]


async def test_an_ended_binding_frees_the_account(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, database: Database, person_id: UUID
) -> None:
    first = (await bind()).json()
    path, mine = f"{BINDINGS}/{first['binding_id']}", tokens.resident(person_id)
    ended = await api.delete(path, headers=mine)
    assert (ended.status_code, ended.content) == (204, b"")
    shown = (await api.get(path, headers=mine)).json()
    assert (shown["status"], bool(shown["ended_at"])) == ("ended", True)
    assert (await api.delete(path, headers=mine)).status_code == 204
    assert (await bind(person=new_id())).status_code == 201
    activated, once_ended, activated_again = await binding_events(database)
    assert (activated.type, once_ended.type, activated_again.type) == (ACTIVATED, ENDED, ACTIVATED)
    assert once_ended.data == {name: value for name, value in activated.data.items() if name != "role"}


async def test_two_taps_on_end_at_once_end_it_once(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, database: Database, person_id: UUID
) -> None:
    path = f"{BINDINGS}/{(await bind()).json()['binding_id']}"
    answers = await asyncio.gather(*(api.delete(path, headers=tokens.resident(person_id)) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [204] * 4
    assert len(await binding_events(database)) == 2


async def test_a_refused_binding_cannot_be_ended(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, provider_system: ProviderSystem, person_id: UUID
) -> None:
    provider_system.answer = says("no_match")
    await bind()
    mine = tokens.resident(person_id)
    (item,) = (await api.get(BINDINGS, headers=mine)).json()["items"]
    answer = await api.delete(f"{BINDINGS}/{item['binding_id']}", headers=mine)
    assert (*code(answer), answer.json()["current"]) == (409, "illegal_move", "refused")


async def test_own_bindings_come_in_pages_newest_first(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, person_id: UUID
) -> None:
    bound = [(await bind(account_number(number))).json()["binding_id"] for number in range(3)]
    mine = tokens.resident(person_id)
    first = (await api.get(BINDINGS, params={"limit": 2}, headers=mine)).json()
    rest = (await api.get(BINDINGS, params={"limit": 2, "cursor": first["next_cursor"]}, headers=mine)).json()
    assert [item["binding_id"] for item in first["items"] + rest["items"]] == bound[::-1]


async def test_the_same_number_at_another_provider_is_another_account(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, provider_system: ProviderSystem
) -> None:
    await bind()
    other, somebody = await approved(api, tokens, kind="gas", endpoint_url=provider_system.url), new_id()
    body = {"provider_id": str(other), "account_number": ACCOUNT, "attestation": attestation(tokens, somebody)}
    answer = await api.post(BINDINGS, json=body, headers=tokens.resident(somebody) | once())
    assert answer.status_code == 201


async def test_a_binding_whose_asker_died_becomes_unknown_and_can_be_asked_again(
    bind: Bind, database: Database, provider_id: UUID, person_id: UUID
) -> None:
    """As a kill -9 between the two transactions leaves it."""
    async with database.transaction() as tx:
        tx.add(AccountBinding(person_id=person_id, provider_id=provider_id, account_number=ACCOUNT))
    await give_up_abandoned(database)
    assert code(await bind()) == (409, "binding_in_progress")
    with time_machine.travel(now() + timedelta(minutes=2), tick=False):
        await give_up_abandoned(database)
    assert [binding.status for binding in await bindings_in(database)] == [BindingStatus.UNKNOWN]
    assert (await bind()).status_code == 201
    assert [binding.status for binding in await bindings_in(database)] == [BindingStatus.ACTIVE]


async def test_an_answer_that_comes_after_the_binding_was_asked_about_again_changes_nothing(
    bind: Bind, database: Database, provider_system: ProviderSystem
) -> None:
    """As a process does that slept for minutes between asking and hearing."""
    waking = threading.Event()

    def answer_the_first_late(handler: BaseHTTPRequestHandler, question: Asked) -> None:
        first = question is provider_system.asked[0]
        if first:
            waking.wait(20)
        says("no_match" if first else "match")(handler, question)

    provider_system.answer = answer_the_first_late
    sleeper = asyncio.create_task(bind())
    await asyncio.to_thread(provider_system.first_question.wait, 20)
    with time_machine.travel(now() + timedelta(minutes=2), tick=False):
        await give_up_abandoned(database)
    awake = await bind()
    waking.set()
    assert (awake.status_code, code(await sleeper)) == (201, (502, "provider_unreachable"))
    assert [binding.status for binding in await bindings_in(database)] == ["active"]
    assert len(await binding_events(database)) == 1
