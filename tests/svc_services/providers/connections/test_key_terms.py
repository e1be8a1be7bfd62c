"""Keys of companies: of every kind that may sign, from when and until when they are good."""

from datetime import datetime, timedelta

import httpx
import pytest
from joserfc.jwk import OKPKey, RSAKey

from chassis.db import Database, now
from chassis.testing import Tokens, emitted
from svc_services.providers.applications.models import Provider
from tests.svc_services.providers.connections.companies import Company, Key, connected, new_key, public


def in_days(days: float) -> str:
    return (now() + timedelta(days=days)).isoformat()


async def end_now(database: Database, company: Company, kid: str) -> None:
    """The clock has passed the end of a key."""
    async with database.transaction() as tx:
        provider = await tx.get_one(Provider, company.id)
        past = int(now().timestamp()) - 1
        provider.jwks = {"keys": [{**key, "exp": past} if key["kid"] == kid else key for key in provider.jwks["keys"]]}


@pytest.mark.parametrize(
    "key",
    [
        OKPKey.generate_key("Ed25519", {"kid": "k1", "alg": "Ed25519"}),
        OKPKey.generate_key("Ed25519", {"kid": "k1"}),
        RSAKey.generate_key(2048, {"kid": "k1", "alg": "PS256"}),
    ],
    ids=["Ed25519", "unstated", "PS256"],
)
async def test_a_company_whose_key_is_no_p256_key_suspends_itself(
    api: httpx.AsyncClient, tokens: Tokens, key: Key
) -> None:
    company = await connected(api, tokens, key)
    suspended = await company.suspend(api)
    assert (suspended.status_code, suspended.json().get("company_key")) == (200, key.thumbprint())


async def test_a_key_signs_from_when_until_when_it_is_good(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    company, early, late = await connected(api, tokens), new_key("early"), new_key("late")
    soon, later = in_days(1), in_days(60)
    added = await company.change(api, action="add_key", key=public(early), valid_from=soon, valid_until=later)
    assert added.status_code == 201, added.text
    assert (await company.change(api, early, action="add_key", key=public(late))).status_code == 401
    await company.change(api, action="add_key", key=public(late), valid_until=later)
    await end_now(database, company, "late")
    assert (await company.change(api, late, action="end_key", kid="k1")).status_code == 401
    shown = (await api.get(f"{company.path}/connection", headers=tokens.staff("operator"))).json()["keys"]
    times = {key["kid"]: (key["valid_from"], key["valid_until"]) for key in shown}
    assert times["k1"] == (None, None)
    assert [datetime.fromisoformat(each).date() for each in times["early"]] == [
        datetime.fromisoformat(each).date() for each in (soon, later)
    ]
    async with database.read() as tx:
        last = [event for event in await emitted(tx) if event.type.endswith("provider.updated.v1")][-1]
    assert {"nbf", "exp"} <= last.data["jwks"]["keys"][1].keys()


async def test_a_key_is_limited_so_that_its_successor_takes_over(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company, fresh = await connected(api, tokens), new_key("k2")
    alone = await company.change(api, action="limit_key", kid="k1", valid_until=in_days(7))
    assert (alone.status_code, alone.json()["code"]) == (409, "last_key")
    await company.change(api, action="add_key", key=public(fresh), valid_from=in_days(8))
    gap = await company.change(api, action="limit_key", kid="k1", valid_until=in_days(7))
    assert (gap.status_code, gap.json()["code"]) == (409, "last_key")
    overlap = await company.change(api, action="limit_key", kid="k1", valid_until=in_days(9))
    assert (overlap.status_code, overlap.json()["status"]) == (201, "approved")
    unknown = await company.change(api, action="limit_key", kid="k7", valid_until=in_days(9))
    assert (unknown.status_code, unknown.json()["code"]) == (409, "unknown_key")


async def test_the_last_key_in_force_stays_though_another_one_waits(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company = await connected(api, tokens)
    await company.change(api, action="add_key", key=public(new_key("k2")), valid_from=in_days(1))
    ended = await company.change(api, action="end_key", kid="k1")
    assert (ended.status_code, ended.json()["code"]) == (409, "last_key")


async def test_times_in_which_no_key_can_sign_are_refused(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company, fresh = await connected(api, tokens), public(new_key("k2"))
    for times in (
        {"valid_until": in_days(-1)},
        {"valid_from": in_days(2), "valid_until": in_days(1)},
        {"valid_from": "1970-01-01T00:00:00Z"},
        {"valid_from": "2015-01-01T00:00:00Z"},
        {"valid_until": "9999-12-31T23:59:59Z"},
    ):
        answer = await company.change(api, None, action="add_key", key=fresh, **times)
        assert (answer.status_code, answer.json()["code"]) == (422, "key_terms_refused"), times
    naive = await company.change(api, action="add_key", key=fresh, valid_until="2030-01-01T00:00:00")
    assert naive.status_code == 422
