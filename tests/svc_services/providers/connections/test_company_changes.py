"""A company stops a leaked key by itself, and a thief of one secret can change nothing."""

import asyncio
import json
import time
from typing import Any

import httpx
import pytest

from chassis.db import Database, new_id
from chassis.testing import Tokens, emitted, once
from svc_services.providers.connections.models import Action
from tests.svc_services.companies import TARIFFS
from tests.svc_services.providers.connections.companies import Company, connected, new_key, public

GUESSED = "guessed"
WATER = {
    "kind": "water",
    "customer_class": "residential",
    "unit": "m3",
    "effective_from": "2020-01-01",
    "tiers": [{"up_to": None, "unit_price": "2.30"}],
    "fixed_fee_fen": 0,
}


async def publish(api: httpx.AsyncClient, tokens: Tokens, company: Company, key: str | None = None) -> httpx.Response:
    headers = tokens.client(company.id, "tariffs:write", key=key) | once()
    return await api.post(TARIFFS, json=WATER, headers=headers)


async def kids(api: httpx.AsyncClient, tokens: Tokens, company: Company) -> dict[str, bool]:
    """The company's keys and whether they have been ended."""
    answer = await api.get(f"{company.path}/connection", headers=tokens.staff("operator"))
    return {key["kid"]: key["ended_at"] is not None for key in answer.json()["keys"]}


async def test_a_company_replaces_a_leaked_key_and_its_tokens_are_refused_at_once(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    company, fresh = await connected(api, tokens), new_key("k2")
    assert (await company.add(api, fresh)).json()["status"] == "approved"
    ended = await company.change(api, fresh, action="end_key", kid="k1")
    assert (ended.status_code, ended.json()["company_key"]) == (201, fresh.thumbprint())
    leaked = await publish(api, tokens, company, company.key.thumbprint())
    assert (leaked.status_code, leaked.json()["code"]) == (401, "client_key_ended")
    unnamed = await publish(api, tokens, company)
    assert (unnamed.status_code, unnamed.json()["code"]) == (401, "client_key_ended")
    assert (await publish(api, tokens, company, fresh.thumbprint())).status_code == 201
    assert await kids(api, tokens, company) == {"k2": False, "k1": True}
    async with database.read() as tx:
        last = [event for event in await emitted(tx) if event.type.endswith("provider.updated.v1")][-1]
    assert (last.data["revision"], last.data["ended_keys"]) == (2, [company.key.thumbprint()])
    assert [key["kid"] for key in last.data["jwks"]["keys"]] == ["k2"]


@pytest.mark.parametrize(
    "content",
    [
        {"action": Action.ADD_KEY, "key": public(new_key("thief"))},
        {"action": Action.END_KEY, "kid": "k1"},
        {"action": Action.CORRECT_ENDPOINT, "endpoint_url": "http://127.0.0.1:2/thief"},
        {"action": Action.RESUME},
    ],
)
async def test_a_thief_of_the_key_alone_changes_nothing(
    api: httpx.AsyncClient, tokens: Tokens, content: dict[str, Any]
) -> None:
    company = await connected(api, tokens)
    before = (await api.get(f"{company.path}/connection", headers=tokens.staff("operator"))).json()
    path, body = f"{company.path}/changes", {"reason": "mine now", **content}
    guessed = await company.post(api, path, body, application_token=GUESSED)
    with_access_token = await api.post(
        path, json=body, headers=tokens.client(company.id, "tariffs:write", "bills:write") | once()
    )
    assert [answer.status_code for answer in (guessed, with_access_token)] == [401, 403]
    assert guessed.json()["code"] == "company_proof_invalid"
    suspending = await company.post(api, f"{company.path}/suspend", {"reason": "locked out"}, application_token=GUESSED)
    assert suspending.status_code == 401
    assert (await api.get(f"{company.path}/connection", headers=tokens.staff("operator"))).json() == before


async def test_a_thief_of_the_application_token_alone_changes_nothing(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company, own = await connected(api, tokens), new_key("k1")
    refused = await company.add(api, own)
    assert refused.status_code == 409  # the kid is in use: the company itself is told so
    for key in (own, new_key("k2")):
        answer = await company.post(api, f"{company.path}/suspend", {"reason": "locked out"}, key=key)
        assert (answer.status_code, answer.json()["reason"]) == (401, "proof")


async def test_a_proof_is_for_one_request_once(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company, other = await connected(api, tokens), await connected(api, tokens)
    path, body = f"{company.path}/suspend", json.dumps({"reason": "a key has leaked"}).encode()
    faulty = {
        "other_request": [
            company.proof("GET", path, body),
            company.proof("POST", f"{company.path}/changes", body),
            company.proof("POST", path, body + b" "),
        ],
        "expired": [
            company.proof("POST", path, body, exp=int(time.time()) - 60),
            company.proof("POST", path, body, exp=int(time.time()) + 3600),
        ],
        "proof": [
            company.proof("POST", path, body, typ="JWT"),
            company.proof("POST", path, body, aud="myili"),
            company.proof("POST", path, body, sub=str(other.id)),
            company.proof("POST", path, body, key=other.key),
            company.proof("POST", path, body, jti=None),
            company.proof("POST", path, body, exp="soon"),
            "a.b.c",
        ],
    }
    headers = {"Application-Token": company.token, "Content-Type": "application/json"}
    for reason, proofs in faulty.items():
        for proof in proofs:
            named = {**headers, "Company-Proof": proof}
            answer = await api.post(path, content=body, headers=named | once())
            assert (answer.status_code, answer.json().get("reason")) == (401, reason), proof
    not_ascii = [(b"Application-Token", company.token.encode()), (b"Company-Proof", "é.é.é".encode())]
    not_ascii += [(name.encode(), value.encode()) for name, value in once().items()]
    answer = await api.post(path, content=body, headers=[*not_ascii, (b"Content-Type", b"application/json")])
    assert (answer.status_code, answer.json()["reason"]) == (401, "proof")
    good = headers | {"Company-Proof": company.proof("POST", path, body)}
    answers = await asyncio.gather(*(api.post(path, content=body, headers=good | once()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_a_retry_with_the_same_idempotency_key_gets_the_first_answer(
    api: httpx.AsyncClient, tokens: Tokens
) -> None:
    company = await connected(api, tokens)
    path, body = f"{company.path}/suspend", b'{"reason": "a key has leaked"}'
    headers = {"Application-Token": company.token, "Company-Proof": company.proof("POST", path, body)}
    headers |= {"Content-Type": "application/json"} | once()
    first, second = [await api.post(path, content=body, headers=headers) for _ in range(2)]
    assert (first.status_code, second.status_code, second.json()) == (200, 200, first.json())


async def test_the_last_key_stays_and_an_ended_key_never_returns(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company, fresh = await connected(api, tokens), new_key("k2")
    last = await company.change(api, action="end_key", kid="k1")
    assert (last.status_code, last.json()["code"]) == (409, "last_key")
    await company.add(api, fresh)
    await company.change(api, action="end_key", kid="k1")
    for key in (public(company.key), {**public(company.key), "kid": "k9"}, public(new_key("k1"))):
        content = {"reason": "again", "action": "add_key", "key": key}
        again = await company.post(api, f"{company.path}/changes", content, key=fresh)
        assert (again.status_code, again.json()["code"]) == (409, "key_already_used")
    by_the_ended_key = await company.add(api, new_key("k3"))
    assert by_the_ended_key.status_code == 401


async def test_a_private_key_is_refused(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company = await connected(api, tokens)
    answer = await company.post(
        api, f"{company.path}/changes", {"reason": "r", "action": "add_key", "key": new_key("k2").as_dict(private=True)}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "private_key_sent")


async def test_a_company_suspends_and_resumes_itself(
    api: httpx.AsyncClient, tokens: Tokens, database: Database
) -> None:
    company = await connected(api, tokens)
    assert (await company.suspend(api)).status_code == 200
    assert (await company.suspend(api)).json()["code"] == "already_suspended"
    refused = await publish(api, tokens, company, company.key.thumbprint())
    assert (refused.status_code, refused.json()["code"]) == (403, "client_suspended")
    assert (await api.get(company.path)).json()["suspended"] is True
    assert (await company.change(api, action="resume")).status_code == 201
    assert (await company.change(api, action="resume")).json()["code"] == "not_suspended"
    assert (await publish(api, tokens, company, company.key.thumbprint())).status_code == 201
    async with database.read() as tx:
        events = [(event.type.split(".")[-2], event.data.get("revision")) for event in await emitted(tx)]
    assert events[:3] == [("approved", None), ("suspended", 1), ("resumed", 2)]


async def test_an_unknown_provider_is_like_a_wrong_token(api: httpx.AsyncClient, tokens: Tokens) -> None:
    company = await connected(api, tokens)
    path = f"/services/v1/providers/{new_id()}/suspend"
    answer = await company.post(api, path, {"reason": "who"})
    assert (answer.status_code, answer.json()["reason"]) == (401, "credentials")
