"""Only a fresh attestation of one's own real name, used for the first time, binds an account."""

import asyncio
import time
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest
import time_machine
from joserfc.jwk import ECKey
from sqlalchemy import func, select

from chassis.db import Database, new_id, now
from chassis.testing import Tokens
from svc_services.accounts.bindings.models import UsedAttestation
from svc_services.accounts.bindings.service import forget_expired_attestations
from tests.svc_services.accounts.bindings.conftest import ACCOUNT, Bind
from tests.svc_services.companies import ProviderSystem, account_number, answer_with, attestation


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize(
    ("claims", "status", "refusal"),
    [
        ({"exp": int(time.time()) - 60}, 422, "attestation_expired"),
        ({"exp": None}, 422, "attestation_invalid"),
        ({"aud": "myili"}, 422, "attestation_invalid"),
        ({"aud": None}, 422, "attestation_invalid"),
        ({"iss": "http://elsewhere.test/identity"}, 422, "attestation_invalid"),
        ({"typ": "at+jwt"}, 422, "attestation_invalid"),
        ({"typ": "JWT"}, 422, "attestation_invalid"),
        ({"name": None}, 422, "attestation_invalid"),
        ({"name": ""}, 422, "attestation_invalid"),
        ({"name": ["张三"]}, 422, "attestation_invalid"),
        ({"purpose": "loan"}, 422, "attestation_invalid"),
        ({"jti": None}, 422, "attestation_invalid"),
        ({"jti": ""}, 422, "attestation_invalid"),
        ({"sub": None}, 422, "attestation_invalid"),
        ({"sub": str(new_id())}, 403, "attestation_not_yours"),
    ],
    ids=map(str, count()),  # claims hold times and new ids, and every test process needs the same names
)
async def test_an_invalid_attestation_is_refused(
    bind: Bind, provider_system: ProviderSystem, claims: dict[str, Any], status: int, refusal: str
) -> None:
    assert code(await bind(**claims)) == (status, refusal)
    assert provider_system.requests == []


async def test_an_attestation_signed_with_another_key_is_refused(bind: Bind, provider_system: ProviderSystem) -> None:
    foreign = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    assert code(await bind(key=foreign)) == (422, "attestation_invalid")
    assert provider_system.requests == []


@pytest.mark.parametrize("token", [" ", "x", "a.b.c", "a.b.c.d.e", "x" * 8193])
async def test_a_malformed_token_is_refused(bind: Bind, provider_system: ProviderSystem, token: str) -> None:
    assert (await bind(token=token)).status_code == 422
    assert provider_system.requests == []


async def test_an_access_token_is_no_attestation(bind: Bind, tokens: Tokens, provider_system: ProviderSystem) -> None:
    access_token = tokens.resident()["Authorization"].removeprefix("Bearer ")
    assert code(await bind(token=access_token)) == (422, "attestation_invalid")
    assert provider_system.requests == []


async def test_an_attestation_is_accepted_once(
    bind: Bind, tokens: Tokens, provider_system: ProviderSystem, person_id: UUID
) -> None:
    token = attestation(tokens, person_id)
    assert (await bind(token=token)).status_code == 201
    for account in (ACCOUNT, account_number(7)):
        assert code(await bind(account, token=token)) == (409, "attestation_already_used")
    assert len(provider_system.requests) == 1


async def test_an_attestation_is_used_up_even_if_the_provider_refuses(
    bind: Bind, tokens: Tokens, provider_system: ProviderSystem, person_id: UUID
) -> None:
    provider_system.answer = answer_with("no_match")
    token = attestation(tokens, person_id)
    assert code(await bind(token=token)) == (422, "holder_does_not_match")
    provider_system.answer = answer_with("match")
    assert code(await bind(token=token)) == (409, "attestation_already_used")


async def test_concurrent_uses_of_an_attestation_bind_one_account(
    bind: Bind, tokens: Tokens, provider_system: ProviderSystem, person_id: UUID
) -> None:
    token = attestation(tokens, person_id)
    answers = await asyncio.gather(*(bind(account_number(number), token=token) for number in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(provider_system.requests) == 1


async def test_a_refusal_before_the_call_to_the_provider_leaves_the_attestation_unused(
    bind: Bind, tokens: Tokens, person_id: UUID
) -> None:
    token = attestation(tokens, person_id)
    assert code(await bind("1234567890", token=token)) == (422, "bad_account_number")
    assert (await bind(ACCOUNT, token=token)).status_code == 201


async def test_used_attestations_are_deleted_after_they_expire(bind: Bind, database: Database) -> None:
    async def stored() -> int:
        async with database.read() as tx:
            return await tx.scalar(select(func.count()).select_from(UsedAttestation)) or 0

    before = await stored()
    await bind()
    await forget_expired_attestations(database)
    assert await stored() == before + 1
    with time_machine.travel(now() + timedelta(hours=2), tick=False):
        await forget_expired_attestations(database)
    assert await stored() == 0
