"""Which callers each operation admits, and that it asks for a token."""

import re

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey

from chassis.auth import OpenRule, rules_by_route
from chassis.testing import Tokens, once
from svc_miniapps.app import create_app
from svc_miniapps.settings import Settings
from tests.svc_miniapps.callers import ANY, CALLERS, ENDPOINTS


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    return create_app(settings)


async def call(api: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    content = {"reason": "because"} if method in {"POST", "PUT", "PATCH"} else None
    path = re.sub(r"\{\w+\}", str(ANY), path.replace("{version_code}", "1"))
    return await api.request(method, path, json=content, headers=headers | once())


async def test_only_permitted_callers_are_admitted(api: httpx.AsyncClient, tokens: Tokens) -> None:
    wrong = []
    for method, path, admitted in ENDPOINTS:
        passed = set()
        for name, bearer in CALLERS.items():
            answer = await call(api, method, path, bearer(tokens))
            if answer.status_code != httpx.codes.FORBIDDEN:
                assert answer.status_code in {200, 204, 404, 415, 422, 428}, (method, path, name, answer.text)
                passed.add(name)
            elif method != "HEAD":
                assert answer.json()["code"] in {"not_allowed", "assurance_too_low"}
        if passed != admitted:
            wrong.append((method, path, passed ^ admitted))
    assert wrong == []


async def test_without_a_valid_token_every_caller_is_refused(api: httpx.AsyncClient, tokens: Tokens) -> None:
    foreign = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    refused = {
        None: "token_missing",
        "nonsense": "token_invalid",
        tokens.sign(exp=1_700_000_000): "token_expired",
        tokens.sign(key=foreign): "token_invalid",
        tokens.sign(aud="myili:miniapps", typ="attestation+jwt"): "token_invalid",
    }
    for method, path, _ in ENDPOINTS:
        for token, code in refused.items():
            answer = await call(api, method, path, {"Authorization": f"Bearer {token}"} if token else {})
            assert answer.status_code == httpx.codes.UNAUTHORIZED, (method, path, code)
            assert method == "HEAD" or answer.json()["code"] == code
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_every_operation_with_a_token_is_covered(app: FastAPI) -> None:
    asking = {(method, path) for method, path, rules in rules_by_route(app) if not isinstance(rules[0], OpenRule)}
    assert asking == {(method, path) for method, path, _ in ENDPOINTS}
