"""Which callers each endpoint refuses, and how."""

import re

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey

from chassis.auth import OpenRule, rules_by_route
from chassis.db import Database
from chassis.testing import SCOPES, Tokens, once
from tests.svc_services.callers import ANY, CALLERS, ENDPOINTS
from tests.svc_services.companies import APPLICATIONS


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


async def call(api: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    content = {"reason": "because"} if method in {"POST", "PUT"} else None
    return await api.request(method, path, json=content, headers=headers | once())


@pytest.mark.parametrize(("method", "path", "allowed"), ENDPOINTS)
async def test_only_permitted_callers_are_accepted(
    api: httpx.AsyncClient, tokens: Tokens, method: str, path: str, allowed: set[str]
) -> None:
    passed = set()
    for name, bearer in CALLERS.items():
        answer = await call(api, method, path, bearer(tokens))
        if answer.status_code != 403:
            assert answer.status_code in {200, 404, 415, 422}, (name, answer.text)
            passed.add(name)
        elif method != "HEAD":
            assert answer.json()["code"] in {"not_allowed", "assurance_too_low"}
    assert passed == allowed


@pytest.mark.parametrize(("method", "path", "_allowed"), ENDPOINTS)
async def test_without_a_valid_token_every_caller_is_refused(
    api: httpx.AsyncClient, tokens: Tokens, method: str, path: str, _allowed: set[str]
) -> None:
    foreign = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    for token, code in (
        (None, "token_missing"),
        ("nonsense", "token_invalid"),
        (tokens.sign(exp=1_700_000_000), "token_expired"),
        (tokens.sign(key=foreign), "token_invalid"),
        (tokens.sign(aud="myili:services", typ="attestation+jwt"), "token_invalid"),
    ):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await call(api, method, path, headers)
        assert (answer.status_code, code if method == "HEAD" else answer.json()["code"]) == (401, code)
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_operators_need_the_scope_also_where_companies_prove_themselves(
    app: FastAPI, api: httpx.AsyncClient, tokens: Tokens
) -> None:
    roles = [{"organisation_id": str(ANY), "role": "operator", "division_code": None}]
    scope = " ".join(set(SCOPES.split()) - {"staff"})
    headers = {"Authorization": f"Bearer {tokens.sign(scope=scope, assurance_level=2, memberships=roles)}"}
    open_to_both = [
        (method, re.sub(r"\{\w+\}", str(ANY), path))
        for method, path, rules in rules_by_route(app)
        if "an operator's access token with scope staff" in rules[0].who_may_call
    ]
    assert len(open_to_both) == 11
    for method, path in open_to_both:
        answer = await call(api, method, path, headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), path
        refusal = 'Bearer realm="myili", error="insufficient_scope", scope="staff"'
        assert answer.headers["www-authenticate"] == refusal, path


async def test_every_endpoint_with_a_token_is_covered(app: FastAPI) -> None:
    asking = {
        (method, re.sub(r"\{\w+\}", str(ANY), path))
        for method, path, rules in rules_by_route(app)
        if not isinstance(rules[0], OpenRule) or path.startswith(f"{APPLICATIONS}/{{application_id}}")
    }
    assert asking == {(method, path) for method, path, _ in ENDPOINTS}
