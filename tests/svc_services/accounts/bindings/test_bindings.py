"""A resident binds a utility account, sees it, and ends it."""

from uuid import UUID

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from kit.signatures.keys import thumbprint
from kit.signatures.messages import Request, verify_request
from tests.svc_services.accounts.bindings.conftest import ACCOUNT, Bind
from tests.svc_services.accounts.bindings.stored import binding_events, bindings_in, code
from tests.svc_services.companies import BINDINGS, ProviderSystem, account_number, answer_with, approved, attestation

ACTIVATED = "cn.ili.services.account_binding.activated.v1"
ENDED = "cn.ili.services.account_binding.ended.v1"


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
        "held_from": None,
        "starts_on": None,
        "access_until": None,
    }


async def test_the_provider_gets_one_signed_request(
    bind: Bind, provider_system: ProviderSystem, signing_key: RSAPrivateKey
) -> None:
    await bind(name="阿依古丽·买买提")
    (request,) = provider_system.requests
    assert request.path == "/platform/account-verifications"
    keys = {thumbprint(signing_key.public_key()): signing_key.public_key()}
    url = f"{provider_system.url}/account-verifications"
    verify_request(keys, request.json["provider_id"], Request("POST", url, request.headers), request.body)
    assert set(request.json) == {"provider_id", "request_id", "account_number", "holder_name"}
    assert (request.json["account_number"], request.json["holder_name"]) == (ACCOUNT, "阿依古丽·买买提")
    assert UUID(request.json["request_id"]).version == 7


async def test_the_holders_name_is_not_stored(database: Database, bind: Bind, provider_system: ProviderSystem) -> None:
    name = "测试居民甲"
    await bind(name=name)
    provider_system.answer = answer_with("no_match")
    await bind(account_number(222222222), name=name)
    provider_system.answer = answer_with("nonsense")
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
async def test_a_refusal_is_reported_and_stored(  # noqa: PLR0913, PLR0917 - fixtures
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
    provider_system.answer = answer_with(result)
    assert code(await bind()) == (status, refusal)
    (item,) = (await api.get(BINDINGS, headers=tokens.resident(person_id))).json()["items"]
    assert (item["status"], item["refusal"]) == ("refused", refusal)
    assert await binding_events(database) == []
    provider_system.answer = answer_with("match")
    assert (await bind()).status_code == 201
    active = (await api.get(BINDINGS, params={"status": "active"}, headers=tokens.resident(person_id))).json()["items"]
    assert len(active) == 1


async def test_a_bound_account_is_not_verified_again(bind: Bind, provider_system: ProviderSystem) -> None:
    await bind()
    assert code(await bind()) == (409, "already_bound")
    assert len(provider_system.requests) == 1


async def test_a_second_person_of_the_same_name_is_refused_as_already_bound(
    database: Database, bind: Bind, person_id: UUID
) -> None:
    await bind()
    assert code(await bind(person=new_id())) == (409, "already_bound")
    assert [binding.person_id for binding in await bindings_in(database) if binding.status == "active"] == [person_id]


async def test_a_stranger_does_not_learn_that_the_account_is_bound(bind: Bind, provider_system: ProviderSystem) -> None:
    await bind()
    provider_system.answer = answer_with("no_match")
    assert code(await bind(person=new_id(), name="李四")) == (422, "holder_does_not_match")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("123456789", "shape"),
        ("12345678901", "shape"),
        ("12345678X0", "shape"),
        (f"{(int(ACCOUNT) + 1) % 10**10:010}", "check_digit"),
    ],
)
async def test_an_invalid_account_number_is_refused_before_the_provider_is_called(
    bind: Bind, provider_system: ProviderSystem, database: Database, number: str, reason: str
) -> None:
    answer = await bind(number)
    assert (*code(answer), answer.json()["reason"]) == (422, "bad_account_number", reason)
    assert provider_system.requests == []
    assert await bindings_in(database) == []


async def test_full_width_digits_are_accepted(bind: Bind) -> None:
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


async def test_a_binding_of_another_person_is_not_found(
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
    of_activation = {"role", "held_from", "starts_on", "access_until"}
    same = {name: value for name, value in activated.data.items() if name not in of_activation}
    assert once_ended.data == same | {"held_until": None}


async def test_a_refused_binding_cannot_be_ended(
    api: httpx.AsyncClient, tokens: Tokens, bind: Bind, provider_system: ProviderSystem, person_id: UUID
) -> None:
    provider_system.answer = answer_with("no_match")
    await bind()
    mine = tokens.resident(person_id)
    (item,) = (await api.get(BINDINGS, headers=mine)).json()["items"]
    answer = await api.delete(f"{BINDINGS}/{item['binding_id']}", headers=mine)
    assert (*code(answer), answer.json()["current"]) == (409, "illegal_move", "refused")


async def test_own_bindings_are_paged_newest_first(
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
    other, other_person = await approved(api, tokens, kind="gas", endpoint_url=provider_system.url), new_id()
    body = {"provider_id": str(other), "account_number": ACCOUNT, "attestation": attestation(tokens, other_person)}
    answer = await api.post(BINDINGS, json=body, headers=tokens.resident(other_person) | once())
    assert answer.status_code == 201
