"""Owners are verified anew: when their proof is old, or when the provider asks."""

from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from kit.calendar import today
from svc_services.accounts.proofs.service import GRACE, ask_by_age, end_unproved
from tests.svc_services.accounts.bindings.conftest import Bind, bind, person_id, provider_id
from tests.svc_services.accounts.bindings.stored import binding_events, bindings_in, code
from tests.svc_services.accounts.invitations.conftest import House, house
from tests.svc_services.companies import BINDINGS, ProviderSystem, account_number, answer_with, attestation

__all__ = ["bind", "house", "person_id", "provider_id"]
SUSPEND = (
    "UPDATE providers SET suspended_at = now(), suspended_by = 'operator', suspension_reason = 'leaked', "
    "suspended_revision = revision"
)
DUE = "cn.ili.services.account_binding.proof_due.v1"


async def age(database: Database, months: int) -> None:
    """Make the bindings older."""
    changed = (
        "UPDATE account_bindings SET activated_at = activated_at - make_interval(months => :months), "
        "asked_at = asked_at - interval '1 day'"
    )
    async with database.transaction() as tx:
        await tx.execute(text(changed), {"months": months})


async def prove(house: House, **claims: object) -> httpx.Response:
    body = {"attestation": attestation(house.tokens, house.owner_id, **claims)}
    headers = house.tokens.resident(house.owner_id) | once()
    return await house.api.post(f"{house.path}/verify", json=body, headers=headers)


async def provider_asks(house: House, account: str) -> httpx.Response:
    headers = house.tokens.client(house.provider_id, "accounts:write") | once()
    path = "/services/v1/account-proof-requests"
    return await house.api.post(path, json={"account_number": account}, headers=headers)


async def due(database: Database) -> list[tuple[str, str, str]]:
    events = [event for event in await binding_events(database) if event.type == DUE]
    return [(event.data["binding_id"], event.data["prove_by"], event.data["reason"]) for event in events]


async def to_prove_by(database: Database, day: date) -> None:
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE account_bindings SET prove_by = :day WHERE prove_by IS NOT NULL"), {"day": day})


async def test_an_old_proof_is_asked_for_once_and_given(house: House, database: Database) -> None:
    await ask_by_age(database, 36)
    assert await due(database) == []
    await age(database, 37)
    await ask_by_age(database, 0)  # switched off
    assert await due(database) == []
    for _ in range(2):
        await ask_by_age(database, 36)
    prove_by = (today() + GRACE).isoformat()
    assert await due(database) == [(house.binding_id, prove_by, "age")]
    (binding,) = await bindings_in(database)
    assert (binding.status, binding.prove_by) == ("active", today() + GRACE)
    proved = await prove(house)
    assert (proved.status_code, proved.json()["prove_by"]) == (200, None)
    await ask_by_age(database, 36)
    assert len(await due(database)) == 1


async def test_without_a_proof_the_binding_ends_with_all_access(house: House, database: Database) -> None:
    await house.join()
    assert (await provider_asks(house, house.account)).status_code == 201
    await to_prove_by(database, today())
    await end_unproved(database)
    assert {binding.status for binding in await bindings_in(database)} == {"active"}
    await to_prove_by(database, today() - timedelta(days=1))
    await end_unproved(database)
    assert {binding.status for binding in await bindings_in(database)} == {"ended"}
    assert code(await prove(house)) == (404, "not_found")


async def test_the_provider_asks_and_learns_nothing(house: House, database: Database) -> None:
    bound, unbound = [await provider_asks(house, each) for each in (house.account, account_number(777777777))]
    assert (bound.status_code, unbound.status_code) == (201, 201)
    assert bound.json()["prove_by"] == unbound.json()["prove_by"]
    assert [reason for *_, reason in await due(database)] == ["provider"]
    # A later request does not give more time.
    await to_prove_by(database, today() + timedelta(days=3))
    await provider_asks(house, house.account)
    (binding,) = await bindings_in(database)
    assert binding.prove_by == today() + timedelta(days=3)


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        ("no_match", (422, "holder_does_not_match")),
        ("no_account", (422, "account_not_found")),
        ("nonsense", (502, "proof_unanswered")),
    ],
)
async def test_a_refusal_ends_nothing_before_the_day(
    house: House, database: Database, provider_system: ProviderSystem, answer: str, refusal: tuple[int, str]
) -> None:
    await provider_asks(house, house.account)
    await age(database, 0)
    provider_system.answer = answer_with(answer)
    assert code(await prove(house)) == refusal
    (binding,) = await bindings_in(database)
    assert (binding.status, binding.prove_by) == ("active", today() + GRACE)
    again = await prove(house)
    assert code(again) == (429, "proof_moments_ago")
    assert 0 < int(again.headers["retry-after"]) <= 60


async def test_only_the_owner_verifies_by_their_own_name(house: House, database: Database, bind: Bind) -> None:
    await age(database, 0)
    joined = await house.join()
    guest = house.tokens.resident(house.guest_id) | once()
    body = {"attestation": attestation(house.tokens, house.guest_id)}
    theirs = await house.api.post(f"{BINDINGS}/{joined['access_id']}/verify", json=body, headers=guest)
    assert code(theirs) == (403, "not_the_owner")
    assert (await house.api.post(f"{house.path}/verify", json=body, headers=guest)).status_code == 404
    assert code(await prove(house, sub=str(new_id()))) == (403, "attestation_not_yours")


async def test_nobody_loses_an_account_while_the_provider_is_suspended(
    house: House, database: Database, tokens: Tokens
) -> None:
    await provider_asks(house, house.account)
    await to_prove_by(database, today() - timedelta(days=1))
    async with database.transaction() as tx:
        await tx.execute(text(SUSPEND))
    await end_unproved(database)
    assert [binding.status for binding in await bindings_in(database)] == ["active"]
    assert code(await prove(house)) == (409, "provider_suspended")
