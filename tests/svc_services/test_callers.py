"""Which callers each endpoint refuses, and how."""

import re
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey

from chassis.auth import OpenRule, rules_by_route
from chassis.db import Database
from chassis.testing import SCOPES, Tokens, once
from tests.svc_services.companies import APPLICATIONS, BINDINGS, TARIFFS

ANY = UUID("01900000-0000-7000-8000-000000000000")
Bearer = Callable[[Tokens], dict[str, str]]

CALLERS: dict[str, Bearer] = {
    "resident": lambda tokens: tokens.resident(),
    "resident at level 1": lambda tokens: tokens.resident(assurance_level=1),
    "operator": lambda tokens: tokens.staff("operator"),
    "operator at level 1": lambda tokens: tokens.staff("operator", assurance_level=1),
    "clerk": lambda tokens: tokens.staff("clerk", division_code="654002"),
    "auditor": lambda tokens: tokens.staff("auditor"),
    "county team": lambda tokens: tokens.staff("county_team", division_code="654002"),
    "security officer": lambda tokens: tokens.staff("security_officer"),
    "company admin": lambda tokens: tokens.staff("provider_admin"),
    "company operator": lambda tokens: tokens.staff("provider_operator"),
    "provider": lambda tokens: tokens.client(ANY, "tariffs:write", "accounts:write"),
    "provider without the scope": lambda tokens: tokens.client(ANY, "bills:write"),
}
STAFF = {"operator", "security officer", "clerk", "auditor", "county team", "company admin", "company operator"}
PERSONS = {"resident"} | STAFF  # staff of the tests are persons of level 2
OPERATORS, PROVIDERS = {"operator"}, {"provider"}
OVERSEERS = {"operator", "auditor"}
COUNTERS = {"operator", "clerk"}
ADMINS = {"company admin"}
STOPPERS = {"operator", "security officer"}
COMPANIES = ADMINS | {"company operator"}
RATED = COMPANIES | {"clerk"}
SUPERVISED = RATED | OVERSEERS
HOLDERS = "/services/v1/holder-changes"
HOLDERS_BY_OPERATORS = f"/services/v1/providers/{ANY}/holder-changes"
CHANGES = "/services/v1/provider-changes"
WORKFLOWS = "/services/v1/workflow-proposals"
MIGRATIONS = "/services/v1/case-migrations"
OWN_COMPANY = "/services/v1/me/providers"
PROPOSALS = "/services/v1/tariff-proposals"
ITEMS = "/services/v1/service-item-proposals"
CASES, QUEUE, RECEIVED, MATERIALS = (
    f"/services/v1/{name}" for name in ("applications", "application-queue", "received-applications", "materials")
)
CALENDAR, ORDERS, RATINGS, APPEALS, RECTIFICATIONS = (
    f"/services/v1/{name}"
    for name in ("calendar-changes", "supervision-orders", "ratings", "rating-appeals", "rectifications")
)


def _examined(path: str, readers: set[str], starters: set[str]) -> list[tuple[str, str, set[str]]]:
    runs = f"{path}/{ANY}/conformance-runs"
    return [
        *(("GET", each, readers) for each in (f"{path}/{ANY}/sandbox", runs, f"{runs}/{ANY}")),
        *(("POST", each, starters) for each in (f"{path}/{ANY}/sandbox", runs, f"{runs}/{ANY}/resume")),
    ]


ENDPOINTS = [
    ("GET", APPLICATIONS, OPERATORS),
    ("GET", f"{APPLICATIONS}/{ANY}", OPERATORS),
    ("POST", f"{APPLICATIONS}/{ANY}/endorse", OPERATORS),
    ("POST", f"{APPLICATIONS}/{ANY}/approve", OPERATORS),
    ("POST", f"{APPLICATIONS}/{ANY}/refuse", OPERATORS),
    ("POST", TARIFFS, PROVIDERS),
    ("POST", f"{TARIFFS}/{ANY}/withdraw", set[str]()),  # a client of no approved provider has nothing to withdraw
    ("GET", CHANGES, OVERSEERS),
    ("POST", f"{CHANGES}/{ANY}/approve", OPERATORS),
    ("POST", f"{CHANGES}/{ANY}/reject", OPERATORS),
    ("GET", "/services/v1/expiring-keys", OVERSEERS),
    ("GET", HOLDERS, PROVIDERS),
    ("POST", HOLDERS, PROVIDERS),
    ("POST", f"{HOLDERS}/{ANY}/withdraw", PROVIDERS),
    ("GET", HOLDERS_BY_OPERATORS, OVERSEERS),
    ("POST", HOLDERS_BY_OPERATORS, OPERATORS),
    ("POST", f"{HOLDERS_BY_OPERATORS}/{ANY}/approve", OPERATORS),
    ("POST", f"{HOLDERS_BY_OPERATORS}/{ANY}/reject", OPERATORS),
    ("POST", BINDINGS, PERSONS),
    ("GET", BINDINGS, PERSONS),
    ("GET", f"{BINDINGS}/{ANY}", PERSONS),
    ("DELETE", f"{BINDINGS}/{ANY}", PERSONS),
    ("POST", f"{BINDINGS}/{ANY}/invitations", PERSONS),
    ("GET", f"{BINDINGS}/{ANY}/invitations", PERSONS),
    ("POST", f"{BINDINGS}/{ANY}/invitations/{ANY}/withdraw", PERSONS),
    ("GET", f"{BINDINGS}/{ANY}/members", PERSONS),
    ("DELETE", f"{BINDINGS}/{ANY}/members/{ANY}", PERSONS),
    ("POST", "/services/v1/account-invitations/accept", PERSONS),
    ("GET", "/services/v1/account-accesses", PERSONS),
    ("GET", f"/services/v1/account-accesses/{ANY}", PERSONS),
    ("DELETE", f"/services/v1/account-accesses/{ANY}", PERSONS),
    ("POST", f"{BINDINGS}/{ANY}/verify", PERSONS),
    ("POST", "/services/v1/account-proof-requests", PROVIDERS),
    ("POST", "/services/v1/binding-ends", OPERATORS),
    ("GET", "/services/v1/binding-ends", OVERSEERS),
    ("POST", f"/services/v1/binding-ends/{ANY}/approve", OPERATORS),
    ("POST", f"/services/v1/binding-ends/{ANY}/reject", OPERATORS),
    ("POST", f"{BINDINGS}/{ANY}/meter-readings", PERSONS),
    ("GET", f"{BINDINGS}/{ANY}/meter-readings", PERSONS),
    ("GET", "/services/v1/meter-readings", PROVIDERS),
    ("POST", "/services/v1/meter-reading-days", PROVIDERS),
    ("POST", "/services/v1/meter-changes", PROVIDERS),
    ("GET", PROPOSALS, OPERATORS | PROVIDERS),
    ("POST", PROPOSALS, PROVIDERS),
    ("POST", f"{PROPOSALS}/{ANY}/publish", OPERATORS),
    ("POST", f"{PROPOSALS}/{ANY}/refuse", OPERATORS),
    ("POST", f"{PROPOSALS}/{ANY}/withdraw", set[str]()),  # as with a tariff
    ("GET", ITEMS, OPERATORS | COMPANIES | PROVIDERS),
    ("POST", ITEMS, COMPANIES | PROVIDERS),
    ("POST", f"{ITEMS}/{ANY}/publish", OPERATORS),
    ("POST", f"{ITEMS}/{ANY}/refuse", OPERATORS),
    ("POST", f"{ITEMS}/{ANY}/withdraw", COMPANIES | PROVIDERS),
    ("POST", f"/services/v1/providers/{ANY}/stop-key", STOPPERS),
    ("GET", OWN_COMPANY, COMPANIES),
    ("GET", f"{OWN_COMPANY}/{ANY}", COMPANIES),
    ("GET", f"{OWN_COMPANY}/{ANY}/changes", COMPANIES),
    ("POST", f"{OWN_COMPANY}/{ANY}/changes", ADMINS),
    ("POST", f"{OWN_COMPANY}/{ANY}/suspend", ADMINS),
    ("POST", f"{OWN_COMPANY}/{ANY}/contact", ADMINS),
    *_examined(APPLICATIONS, OPERATORS, OPERATORS),
    *_examined(OWN_COMPANY, COMPANIES, ADMINS),
    ("GET", WORKFLOWS, OVERSEERS),
    ("POST", WORKFLOWS, OPERATORS),
    ("POST", f"{WORKFLOWS}/{ANY}/publish", OPERATORS),
    ("POST", f"{WORKFLOWS}/{ANY}/reject", OPERATORS),
    ("GET", MIGRATIONS, OVERSEERS),
    ("POST", MIGRATIONS, OPERATORS),
    ("GET", f"{MIGRATIONS}/{ANY}/preview", OVERSEERS),
    ("POST", f"{MIGRATIONS}/{ANY}/approve", OPERATORS),
    ("POST", f"{MIGRATIONS}/{ANY}/reject", OPERATORS),
    ("GET", CASES, PERSONS),
    ("POST", CASES, PERSONS),
    ("GET", f"{CASES}/{ANY}", PERSONS),
    ("DELETE", f"{CASES}/{ANY}", PERSONS),
    ("PUT", f"{CASES}/{ANY}/form", PERSONS),
    ("POST", f"{CASES}/{ANY}/submit", PERSONS),
    ("POST", f"{CASES}/{ANY}/actions", PERSONS),
    ("PUT", f"{CASES}/{ANY}/materials/{ANY}", PERSONS),
    ("DELETE", f"{CASES}/{ANY}/materials/{ANY}", PERSONS),
    ("GET", f"{CASES}/{ANY}/papers", PERSONS),
    ("GET", f"{CASES}/{ANY}/papers/{ANY}", PERSONS),
    ("GET", MATERIALS, PERSONS),
    ("POST", MATERIALS, PERSONS),
    ("GET", f"{MATERIALS}/{ANY}", PERSONS),
    ("HEAD", f"{MATERIALS}/{ANY}", PERSONS),
    ("PATCH", f"{MATERIALS}/{ANY}", PERSONS),
    ("DELETE", f"{MATERIALS}/{ANY}", PERSONS),
    ("GET", f"{MATERIALS}/{ANY}/content", PERSONS),
    ("GET", f"{QUEUE}/{ANY}/materials/{ANY}", COUNTERS),
    ("GET", f"{QUEUE}/{ANY}/papers/{ANY}", COUNTERS),
    ("GET", f"{RECEIVED}/{ANY}/materials/{ANY}", PROVIDERS),
    ("GET", QUEUE, COUNTERS),
    ("GET", f"{QUEUE}/{ANY}", COUNTERS),
    ("POST", f"{QUEUE}/{ANY}/claim", COUNTERS),
    ("POST", f"{QUEUE}/{ANY}/release", COUNTERS),
    ("POST", f"{QUEUE}/{ANY}/actions", COUNTERS),
    ("GET", RECEIVED, PROVIDERS),
    ("GET", f"{RECEIVED}/{ANY}", PROVIDERS),
    ("POST", f"{RECEIVED}/{ANY}/actions", PROVIDERS),
    ("GET", CALENDAR, OVERSEERS),
    ("POST", CALENDAR, OPERATORS),
    ("POST", f"{CALENDAR}/{ANY}/approve", OPERATORS),
    ("POST", f"{CALENDAR}/{ANY}/reject", OPERATORS),
    ("GET", "/services/v1/late-cases", SUPERVISED),
    ("GET", ORDERS, SUPERVISED),
    ("GET", f"{ORDERS}/{ANY}", SUPERVISED),
    ("POST", ORDERS, OPERATORS),
    ("POST", f"{ORDERS}/{ANY}/reply", RATED),
    *(("POST", f"{ORDERS}/{ANY}/{action}", OPERATORS) for action in ("accept", "return", "withdraw")),
    ("GET", f"{CASES}/{ANY}/ratings", PERSONS),
    ("POST", f"{CASES}/{ANY}/ratings", PERSONS),
    ("GET", RATINGS, SUPERVISED),
    ("POST", f"{RATINGS}/{ANY}/appeal", RATED),
    ("GET", APPEALS, OVERSEERS),
    ("POST", f"{APPEALS}/{ANY}/decide", OPERATORS),
    ("GET", RECTIFICATIONS, SUPERVISED),
    ("GET", f"{RECTIFICATIONS}/{ANY}", SUPERVISED),
    ("POST", f"{RECTIFICATIONS}/{ANY}/answer", RATED),
    *(("POST", f"{RECTIFICATIONS}/{ANY}/{action}", OPERATORS) for action in ("pause", "resume", "call-back")),
]


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
    assert len(open_to_both) == 10
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
