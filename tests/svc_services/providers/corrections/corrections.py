"""Corrections of applications, as tests make them."""

from typing import Any

import httpx

from chassis.testing import once
from tests.svc_services.companies import APPLICATIONS

TERMS = {
    "bill_sources": ["pushed", "inquiry", "top_up"],
    "amount_rule": "ahead",
    "least_fen": 500,
    "most_ahead_fen": 50_000,
    "top_up_amounts_fen": [1_000, 5_000],
    "closed_hours": {"begin": "23:30", "end": "01:00"},
}
CONTRACT = {"number": "YL-2026-001", "signed_on": "2026-03-01"}


def path_of(filed: dict[str, Any]) -> str:
    return f"{APPLICATIONS}/{filed['application_id']}"


def token_of(filed: dict[str, Any]) -> dict[str, str]:
    return {"Application-Token": filed["application_token"]}


async def correct(
    api: httpx.AsyncClient,
    filed: dict[str, Any],
    revision: int | None,
    headers: dict[str, str] | None = None,
    **fields: Any,  # noqa: ANN401 - JSON
) -> httpx.Response:
    given = token_of(filed) if headers is None else headers
    match = {} if revision is None else {"If-Match": f'"{revision}"'}
    return await api.post(f"{path_of(filed)}/corrections", json=fields, headers=given | match | once())


async def corrected(
    api: httpx.AsyncClient,
    filed: dict[str, Any],
    revision: int,
    **fields: Any,  # noqa: ANN401 - JSON
) -> dict[str, Any]:
    answer = await correct(api, filed, revision, **fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def history(api: httpx.AsyncClient, filed: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await api.get(f"{path_of(filed)}/corrections", headers=token_of(filed))
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items
