"""A public key is one connection's for ever, however it is written and whoever brings it again."""

import asyncio
import base64
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from chassis.db import Database
from chassis.testing import Tokens, once
from tests.svc_services.companies import APPLICATIONS, application, apply, public_key
from tests.svc_services.providers.connections.companies import CHANGES, Company, connected, new_key, public


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


def rewritten(key: dict[str, Any]) -> dict[str, Any]:
    """The same key under another kid, with a zero byte before each number of it."""
    numbers = {name: key[name] for name in ("x", "y", "n", "e") if name in key}
    led = {name: b"\0" + base64.urlsafe_b64decode(value + "==") for name, value in numbers.items()}
    return {
        **key,
        "kid": "other",
        **{name: base64.urlsafe_b64encode(each).decode().rstrip("=") for name, each in led.items()},
    }


async def offer(api: httpx.AsyncClient, *keys: dict[str, Any]) -> httpx.Response:
    return await api.post(APPLICATIONS, json=application(jwks={"keys": [*keys]}), headers=once())


async def approve(api: httpx.AsyncClient, tokens: Tokens, filed: dict[str, Any]) -> httpx.Response:
    path = f"{APPLICATIONS}/{filed['application_id']}/approve"
    return await api.post(path, headers=tokens.staff("operator") | once())


async def propose_and_approve(
    api: httpx.AsyncClient, tokens: Tokens, company: Company, key: dict[str, Any]
) -> httpx.Response:
    body = {"reason": "by letter", "action": "add_key", "key": key}
    proposed = await api.post(f"{company.path}/changes", json=body, headers=tokens.staff("operator") | once())
    path = f"{CHANGES}/{proposed.json()['provider_change_id']}/approve"
    return await api.post(path, headers=tokens.staff("operator") | once())


def assert_refused(answer: httpx.Response, *secrets: Company) -> None:
    assert (answer.status_code, answer.json()["code"]) == (409, "key_already_used"), answer.text
    for owner in secrets:
        assert str(owner.id) not in answer.text


@pytest.mark.parametrize("write", [dict, rewritten], ids=["as it is", "rewritten"])
async def test_a_key_of_another_company_is_refused_at_every_door(
    api: httpx.AsyncClient,
    tokens: Tokens,
    write: Any,  # noqa: ANN401 - a function of JSON
) -> None:
    owner, other = await connected(api, tokens), await connected(api, tokens)
    key = {**write(public(owner.key)), "kid": "mine"}
    added = await other.change(api, action="add_key", key=key)
    assert_refused(added, owner)
    assert added.json()["kid"] == "mine"
    assert_refused(await propose_and_approve(api, tokens, other, key), owner)
    assert_refused(await offer(api, public_key("own"), key), owner)


async def test_an_rsa_key_is_the_same_one_with_leading_zeros(api: httpx.AsyncClient, tokens: Tokens) -> None:
    one, other = await connected(api, tokens), await connected(api, tokens)
    key = {**RSAKey.generate_key(2048).as_dict(private=False), "kid": "r1"}
    assert (await one.change(api, action="add_key", key=key)).status_code == 201
    for company in (one, other):
        assert_refused(await company.change(api, action="add_key", key=rewritten(key)))


async def test_an_ended_key_comes_back_in_no_form_and_nowhere(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company, other, fresh = await connected(api, tokens), await connected(api, tokens), new_key("k2")
    leaked = public(company.key)
    assert (await company.add(api, fresh)).status_code == 201
    assert (await company.change(api, fresh, action="end_key", kid="k1")).status_code == 201
    for key in ({**leaked, "kid": "k3"}, rewritten(leaked)):
        assert_refused(await company.change(api, fresh, action="add_key", key=key))
        assert_refused(await other.change(api, action="add_key", key=key), company)
        assert_refused(await offer(api, key), company)


async def test_of_two_companies_that_add_a_key_at_once_one_gets_it(api: httpx.AsyncClient, tokens: Tokens) -> None:
    companies = [await connected(api, tokens) for _ in range(4)]
    key = new_key("shared")
    answers = await asyncio.gather(*(company.add(api, key) for company in companies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_of_two_applications_with_one_key_one_is_approved(api: httpx.AsyncClient, tokens: Tokens) -> None:
    """Anybody can apply with anybody's public key: only the approval takes it."""
    keys = [public_key("k1"), public_key("k2")]
    filed = [await apply(api, jwks={"keys": each}) for each in (keys, keys[::-1])]
    answers = await asyncio.gather(*(approve(api, tokens, each) for each in filed))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (refused,) = [(answer, each) for answer, each in zip(answers, filed, strict=True) if answer.status_code == 409]
    assert_refused(refused[0])
    left = await api.get(f"{APPLICATIONS}/{refused[1]['application_id']}", headers=tokens.staff("operator"))
    assert left.json()["status"] == "applied"


async def test_a_refused_company_applies_again_with_its_key(api: httpx.AsyncClient, tokens: Tokens) -> None:
    body = application()
    filed = (await api.post(APPLICATIONS, json=body, headers=once())).json()
    path = f"{APPLICATIONS}/{filed['application_id']}/refuse"
    assert (await api.post(path, json={"reason": "no seal"}, headers=tokens.staff("operator") | once())).is_success
    again = await api.post(APPLICATIONS, json=body, headers=once())
    assert again.status_code == 201
    assert (await approve(api, tokens, again.json())).status_code == 200
