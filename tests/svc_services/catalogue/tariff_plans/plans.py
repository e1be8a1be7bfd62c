"""Proposals of companies, and the operators who publish them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from chassis.testing import Tokens, once
from kit.calendar import today
from tests.kit.tariffs import examples

PROPOSALS, PLANS = "/services/v1/tariff-proposals", "/services/v1/tariff-plans"
NAME = {"zh": "居民生活用水", "en": "Residential water", "kk": "تۇرمىستىق سۋ", "ug": "تۇرمۇش سۈيى"}


def day(later: int) -> str:
    return (today() + timedelta(days=later)).isoformat()


def plan(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    usual = {
        "kind": "water",
        "customer_class": "residential",
        "code": "base",
        "name": NAME,
        "basis_document": "伊州发改价〔2026〕12号",
        "effective_from": day(0),
        "rules": examples.WATER,
    }
    return {**usual, **changes}


async def propose(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_id: UUID,
    **changes: Any,  # noqa: ANN401 - JSON
) -> httpx.Response:
    headers = tokens.client(provider_id, "tariffs:write") | once() | {"Accept-Language": "en"}
    return await api.post(PROPOSALS, json=plan(**changes), headers=headers)


async def decide(
    api: httpx.AsyncClient, tokens: Tokens, tariff_id: str, step: str = "publish", division_code: str | None = None
) -> httpx.Response:
    headers = tokens.staff("operator", division_code=division_code) | once() | {"Accept-Language": "en"}
    body = {"reason": "The document is of another county."} if step == "refuse" else None
    return await api.post(f"{PROPOSALS}/{tariff_id}/{step}", json=body, headers=headers)


async def withdraw(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, tariff_id: str) -> httpx.Response:
    headers = tokens.client(provider_id, "tariffs:write") | once()
    return await api.post(f"{PROPOSALS}/{tariff_id}/withdraw", headers=headers)


async def published(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_id: UUID,
    **changes: Any,  # noqa: ANN401 - JSON
) -> dict[str, Any]:
    proposed = await propose(api, tokens, provider_id, **changes)
    assert proposed.status_code == 201, proposed.text
    answer = await decide(api, tokens, proposed.json()["tariff_id"])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
