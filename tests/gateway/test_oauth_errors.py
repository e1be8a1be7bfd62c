"""Clients of a token endpoint read the errors of OAuth from the gateway too."""

import httpx
import pytest

from tests.gateway.stage import Stage, echo, serving

TOKEN = "/identity/v1/oauth/token"  # noqa: S105 - an address
OAUTH = {"x-oauth-errors": True, "security": [], "x-max-body-bytes": 100}


@pytest.mark.parametrize(("length", "status", "error"), [(101, 413, "invalid_request"), (99, 503, None)])
async def test_its_own_refusals(
    stage: Stage, client: httpx.AsyncClient, length: int, status: int, error: str | None
) -> None:
    stage.promise("identity", {f"POST {TOKEN}": OAUTH})
    async with stage.gateway() as gateway:
        answer = await client.post(f"{gateway}{TOKEN}", content=b"a" * length)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert answer.json().keys() == {"error", "error_description", "instance"}
    assert answer.json()["error"] == (error or "temporarily_unavailable")
    assert answer.headers["cache-control"] == "no-store"


async def test_other_operations_are_refused_with_problems(stage: Stage, client: httpx.AsyncClient) -> None:
    stage.promise("identity", {"POST /identity/v1/things": {"x-max-body-bytes": 100}})
    async with serving(echo) as identity, stage.gateway(identity_url=identity) as gateway:
        answer = await client.post(f"{gateway}/identity/v1/things", content=b"a" * 101)
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
