"""Every operation that needs a token needs a scope of it, and says so; a token of other purposes opens nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from chassis.auth import allow
from chassis.db import new_id
from chassis.testing import SCOPES, Tokens, once
from contracts.compatibility.access import Bearer, callers_of
from contracts.documents import SERVICES
from svc_identity.oauth.issuer import RESIDENT_SCOPES, STAFF_SCOPES, SYSTEM_SCOPES
from tests.contracts.test_private_answers import LOOPBACK_URL, ROLES, service_of, serving, url_of
from tests.databases import cloned, upgrade_in_thread
from tests.declared_answers import operations

EVERY_SCOPE = {*SCOPES.split(), *SYSTEM_SCOPES}


def bearers_of(service: str) -> Iterator[tuple[str, str, Bearer]]:
    """Each operation of a service with each kind of token that it takes."""
    for (method, template), operation in sorted(operations().items()):
        callers = callers_of(operation["x-who-may-call"])
        if service_of(template) == service and isinstance(callers, frozenset):
            for bearer in sorted(callers, key=str):
                yield method, template, bearer


def token_of(tokens: Tokens, kind: str, scopes: set[str], **more: Any) -> dict[str, str]:  # noqa: ANN401 - claims
    """The headers of somebody with every role and the highest level, or of a system."""
    belongs = {"organisation_id": str(new_id()), "division_code": "654000"}
    memberships = [{**belongs, "role": role} for role in ROLES] if kind == "person" else []
    subject = str(new_id())
    token = tokens.sign(
        iss=f"{LOOPBACK_URL}/identity",
        sub=subject,
        client_id=subject,
        kind=kind,
        scope=" ".join(sorted(scopes)),
        assurance_level=3,
        memberships=memberships,
        **more,
    )
    return {"Authorization": f"Bearer {token}", "Accept-Language": "en"}


async def call(api: httpx.AsyncClient, method: str, template: str, headers: dict[str, str]) -> httpx.Response:
    content: dict[str, str] | None = {} if method in {"POST", "PUT", "PATCH"} else None
    return await api.request(method, url_of(template), json=content, headers=headers | once())


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_with_a_token_names_its_scope(service: str) -> None:
    found = list(bearers_of(service))
    assert len(found) > 5
    assert [f"{method} {template}" for method, template, bearer in found if bearer.scope not in EVERY_SCOPE] == []
    for method, template, bearer in found:
        assert {"access_token": [bearer.scope]} in operations()[method, template]["security"]


@pytest.mark.parametrize("service", SERVICES)
async def test_without_its_scope_every_operation_refuses_every_caller(
    postgres_url: str, tokens: Tokens, service: str, tmp_path: Path
) -> None:
    database = make_url(postgres_url).set(database=f"template_svc_{service}")
    async with (
        cloned(upgrade_in_thread(f"svc_{service}", database)) as url,
        serving(service, url, tokens, tmp_path) as api,
    ):
        for method, template, bearer in bearers_of(service):
            held = EVERY_SCOPE - {str(bearer.scope)}
            answer = await call(api, method, template, token_of(tokens, bearer.kind, held))
            refusal = f'Bearer realm="myili", error="insufficient_scope", scope="{bearer.scope}"'
            at = f"{method} {template} as {bearer}"
            assert (answer.status_code, answer.headers.get("www-authenticate")) == (403, refusal), at
            if method != "HEAD":
                assert answer.json()["code"] == "not_allowed", at
                assert f"with scope {bearer.scope}." in answer.json()["detail"], at
            if bearer.scope != "openid":
                openid = await call(api, method, template, token_of(tokens, bearer.kind, {"openid"}))
                assert (openid.status_code, openid.headers.get("www-authenticate")) == (403, refusal), at


def test_an_endpoint_without_a_scope_fails_at_import() -> None:
    with pytest.raises(TypeError, match="scope"):
        allow(persons=True)  # type: ignore[call-arg]


def test_apps_can_ask_for_all_that_persons_need() -> None:
    assert set(SCOPES.split()) == {*RESIDENT_SCOPES, *STAFF_SCOPES} - {"offline_access"}
