"""Items of companies, and the operators who publish them."""

from typing import Any
from uuid import UUID

import httpx

from chassis.testing import Tokens, once

PROPOSALS, ITEMS = "/services/v1/service-item-proposals", "/services/v1/service-items"
NAME = {"zh": "用水报装", "en": "New water connection", "kk": "سۋ قوسۋ", "ug": "سۇ ئۇلاش"}
NOTE = {"zh": "周一至周五", "en": "Monday to Friday", "kk": "دۇيسەنبى 10:00", "ug": "دۈشەنبە 10:00"}


def content(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    usual = {
        "name": NAME,
        "basis": ["《城市供水条例》（国务院令第158号）"],
        "conditions": [NOTE],
        "materials": [{"name": NAME, "note": NOTE, "copies": 2}, {"name": NAME, "required": False}],
        "legal_days": 30,
        "promised_days": 20,
        "fees": [{"name": NAME, "amount_fen": None, "basis_document": "国办函〔2020〕129号"}],
        "channels": [{"type": "online"}, {"type": "counter", "name": NAME, "address": NOTE, "hours": NOTE}],
    }
    return {**usual, **changes}


def by_system(tokens: Tokens, provider_id: UUID) -> dict[str, str]:
    return tokens.client(provider_id, "tariffs:write")


async def propose(
    api: httpx.AsyncClient,
    tokens: Tokens,
    system: UUID,
    by: dict[str, str] | None = None,
    *,
    guide: dict[str, Any] | None = None,
    **changes: Any,  # noqa: ANN401 - JSON
) -> httpx.Response:
    body = {"application_kind": "new_connection", "content": content(**(guide or {})), **changes}
    headers = (by or by_system(tokens, system)) | once() | {"Accept-Language": "en"}
    return await api.post(PROPOSALS, json=body, headers=headers)


async def decide(
    api: httpx.AsyncClient,
    tokens: Tokens,
    item_id: str,
    step: str = "publish",
    by: dict[str, str] | None = None,
) -> httpx.Response:
    body = {"reason": "The document is of another county."} if step == "refuse" else None
    headers = (by or tokens.staff("operator")) | once() | {"Accept-Language": "en"}
    return await api.post(f"{PROPOSALS}/{item_id}/{step}", json=body, headers=headers)


async def withdraw(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, item_id: str, by: dict[str, str] | None = None
) -> httpx.Response:
    headers = (by or by_system(tokens, provider_id)) | once()
    return await api.post(f"{PROPOSALS}/{item_id}/withdraw", headers=headers)


async def published(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_id: UUID,
    **changes: Any,  # noqa: ANN401 - JSON
) -> dict[str, Any]:
    proposed = await propose(api, tokens, provider_id, **changes)
    assert proposed.status_code == 201, proposed.text
    answer = await decide(api, tokens, proposed.json()["item_id"])
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def listed(api: httpx.AsyncClient, **filters: str) -> list[str]:
    answer = await api.get(ITEMS, params={"limit": "200", **filters})
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]
