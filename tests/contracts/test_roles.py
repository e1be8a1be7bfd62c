"""Every operation refuses whoever lacks its role, its level or its kind, though their token has every scope of it."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from chassis.db import new_id
from chassis.testing import Tokens
from contracts.compatibility.access import Anyone, Bearer, callers_of
from contracts.documents import SERVICES
from tests.contracts.test_private_answers import LOOPBACK_URL, ROLES, serving
from tests.contracts.test_scopes import bearers_of, call
from tests.databases import cloned, upgrade_in_thread
from tests.declared_answers import operations

READING = {("POST", "/services/v1/tariffs/{tariff_id}/estimate"), ("POST", "/miniapps/v1/updates")}
"""They take a body and keep nothing."""
Stranger = dict[str, Any]
"""The claims of somebody who may not."""


def callers_by_operation(service: str) -> dict[tuple[str, str], list[Bearer]]:
    found = defaultdict(list)
    for method, template, bearer in bearers_of(service):
        found[method, template].append(bearer)
    return found


def strangers(bearers: list[Bearer]) -> Iterator[Stranger]:
    """A system where people are wanted, and the other way round; every other role alone; nobody's level."""
    persons = [bearer for bearer in bearers if bearer.kind == "person"]
    if len(persons) == len(bearers):
        yield {"kind": "client", "assurance_level": None}
    if not persons:
        yield from ({"roles": roles} for roles in (ROLES, ()))
        return
    if all(bearer.role for bearer in persons):
        roles = {bearer.role for bearer in persons}
        yield from ({"roles": (other,)} for other in ROLES if other not in roles)
        yield {"roles": ()}
    for level in range(min(bearer.level for bearer in persons)):
        yield {"roles": ROLES, "assurance_level": level}


def headers_of(tokens: Tokens, scopes: set[str], stranger: Stranger, division_code: str = "654000") -> dict[str, str]:
    belongs = {"organisation_id": str(new_id()), "division_code": division_code}
    claims: dict[str, Any] = {"kind": "person", "assurance_level": 3} | stranger
    memberships = [{**belongs, "role": role} for role in claims.pop("roles", ())]
    claims |= {"memberships": memberships, "scope": " ".join(sorted(scopes)), "sub": str(new_id())}
    token = tokens.sign(iss=f"{LOOPBACK_URL}/identity", client_id=claims["sub"], **claims)
    return {"Authorization": f"Bearer {token}", "Accept-Language": "en"}


@pytest.mark.parametrize("service", SERVICES)
async def test_every_operation_refuses_other_roles_levels_and_kinds(
    postgres_url: str, tokens: Tokens, service: str, tmp_path: Path
) -> None:
    database = make_url(postgres_url).set(database=f"template_svc_{service}")
    let_in, tried = [], 0
    async with (
        cloned(upgrade_in_thread(f"svc_{service}", database)) as url,
        serving(service, url, tokens, tmp_path) as api,
    ):
        for (method, template), bearers in sorted(callers_by_operation(service).items()):
            for stranger in strangers(bearers):
                headers = headers_of(tokens, {str(bearer.scope) for bearer in bearers}, stranger)
                answer = await call(api, method, template, headers)
                tried += 1
                if answer.status_code != 403 or "insufficient_scope" in answer.headers.get("www-authenticate", ""):
                    let_in.append((method, template, stranger, answer.status_code, answer.text[:200]))
    assert let_in == []
    assert tried > 30


def test_anyone_reads_estimates_and_changes_nothing_but_begins_a_sign_in_a_sign_out_or_an_application() -> None:
    callers = {place: callers_of(operation["x-who-may-call"]) for place, operation in operations().items()}
    changing = {place for place, who in callers.items() if isinstance(who, Anyone) and place[0] not in {"GET", "HEAD"}}
    assert changing - READING == {
        ("POST", "/identity/v1/oauth/authorize"),
        ("POST", "/identity/v1/oauth/end-session"),
        ("POST", "/services/v1/provider-applications"),
    }


def test_who_is_a_stranger() -> None:
    operator = Bearer("person", 2, "operator", "staff")
    found = [*strangers([operator])]
    assert {"kind": "client", "assurance_level": None} in found
    assert {"roles": ("auditor",)} in found
    assert {"roles": ("operator",)} not in found
    assert {"roles": ROLES, "assurance_level": 1} in found
    assert [*strangers([Bearer("person", 0, None, "bills"), Bearer("client", 0, None, "bills:write")])] == []
