"""No answer of any operation may be stored or sniffed, be it content, a refusal or a failure of the server itself.

And each 401, 403 and 429 is one line of the security log.
"""

import contextlib
import importlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import URL, make_url

from chassis.db import Database, new_id
from chassis.testing import SCOPES, Tokens, client_of, once
from contracts.documents import SERVICES, placeholder_settings
from kit.environment import environment
from tests.databases import cloned, upgrade_in_thread
from tests.declared_answers import operations
from tests.private_answers import CACHED, faults_of
from tests.security_log import SecurityLog
from tests.service_settings import settings_at

LOOPBACK_URL = "http://127.0.0.1:1"
ROLES = (
    *("operator", "auditor", "reviewer", "county_team", "clerk", "till_supervisor", "security_officer"),
    *("provider_admin", "provider_operator"),
)
REFUSED = {401, 403, 429}
EVERY_SCOPE = f"{SCOPES} tariffs:write bills:write accounts:write orders messages"
Callers = dict[str, dict[str, str]]


def service_of(path: str) -> str:
    return path.split("/")[1]


def url_of(template: str) -> str:
    """An address of the operation that names nothing which exists."""
    return re.sub(r"{(\w+)}", lambda name: str(new_id()) if name[1].endswith("_id") else "2026-01-01", template)


@pytest.fixture
def callers(tokens: Tokens) -> Callers:
    organisation = str(new_id())
    roles = [{"organisation_id": organisation, "role": role, "division_code": "654000"} for role in ROLES]
    issuer = f"{LOOPBACK_URL}/identity"
    staff = tokens.sign(iss=issuer, memberships=roles, assurance_level=2, scope=EVERY_SCOPE)
    client = str(new_id())
    system = tokens.sign(
        iss=issuer, sub=client, client_id=client, kind="client", assurance_level=None, scope=EVERY_SCOPE
    )
    bearers = {"staff": staff, "system": system}
    return {"nobody": {}, **{name: {"Authorization": f"Bearer {token}"} for name, token in bearers.items()}}


@contextlib.asynccontextmanager
async def serving(service: str, url: URL, tokens: Tokens, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    package = f"svc_{service}"
    with environment(**placeholder_settings()):
        kind = importlib.import_module(f"{package}.settings").Settings
        stores = {name: folder.as_uri() for name in ("packages", "materials", "ledger_anchors")}
        settings = settings_at(kind, url, tokens, public_url=LOOPBACK_URL, **stores)
        app: FastAPI = importlib.import_module(f"{package}.app").create_app(settings)
    async with client_of(app) as client:
        yield client


async def faults(
    api: httpx.AsyncClient, service: str, callers: Callers, log: SecurityLog
) -> tuple[list[str], set[int]]:
    """What is wrong with the answers of every operation and with what the log says, and the statuses that were seen."""
    found: list[str] = []
    statuses: set[int] = set()
    for method, template in sorted(operations()):
        if service_of(template) != service:
            continue
        for headers in callers.values():
            body: dict[str, Any] = {} if method in {"GET", "HEAD", "DELETE", "OPTIONS"} else {"json": {}}
            answer = await api.request(method, url_of(template), headers=headers | once(), **body)
            found += faults_of(method, template, answer.status_code, answer.headers.raw)
            statuses.add(answer.status_code)
            lines = len(log.lines())
            if answer.status_code in REFUSED and lines != 1:
                found.append(f"{method} {template}: {answer.status_code} is {lines} lines of the security log")
    return found, statuses


@pytest.mark.parametrize("service", SERVICES)
async def test_every_operation_for_every_kind_of_caller(
    postgres_url: str, tokens: Tokens, callers: Callers, service: str, security_log: SecurityLog, tmp_path: Path
) -> None:
    bearers = [headers["Authorization"].split()[1] for headers in callers.values() if headers]
    security_log.must_not_hold(*bearers, *(token.split(".")[1] for token in bearers))
    template = make_url(postgres_url).set(database=f"template_svc_{service}")
    async with (
        cloned(upgrade_in_thread(f"svc_{service}", template)) as url,
        serving(service, url, tokens, tmp_path) as api,
    ):
        found, statuses = await faults(api, service, callers, security_log)
    assert found == []
    assert statuses >= {200, 401, 403, 404}


@pytest.mark.parametrize("service", SERVICES)
async def test_every_operation_while_the_database_is_away(
    tokens: Tokens, callers: Callers, service: str, security_log: SecurityLog, tmp_path: Path
) -> None:
    nowhere = URL.create("postgresql", host="127.0.0.1", port=1, username="nobody", database="nothing")
    async with serving(service, nowhere, tokens, tmp_path) as api:
        found, statuses = await faults(api, service, callers, security_log)
    assert found == []
    assert 503 in statuses


@pytest.mark.parametrize("service", SERVICES)
async def test_what_nobody_foresaw_and_what_is_no_operation(
    tokens: Tokens,
    callers: Callers,
    service: str,
    monkeypatch: pytest.MonkeyPatch,
    security_log: SecurityLog,
    tmp_path: Path,
) -> None:
    def fail(_self: Database) -> None:
        raise ZeroDivisionError

    nowhere = URL.create("postgresql", host="127.0.0.1", port=1, username="nobody", database="nothing")
    async with serving(service, nowhere, tokens, tmp_path) as api:
        for path in ("/livez", "/readyz", "/metrics", "/nothing", f"/{service}/v1"):
            for method in ("GET", "POST"):
                answer = await api.request(method, path)
                assert faults_of(method, path, answer.status_code, answer.headers.raw) == []
        monkeypatch.setattr(Database, "transaction", fail)
        monkeypatch.setattr(Database, "read", fail)
        found, statuses = await faults(api, service, callers, security_log)
    assert found == []
    assert 500 in statuses


def test_what_may_be_cached_is_public_and_an_operation() -> None:
    contracts = operations()
    assert CACHED - contracts.keys() == set()
    assert [cached for cached in CACHED if not contracts[cached]["x-who-may-call"].startswith("anyone")] == []
