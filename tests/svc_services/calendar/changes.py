"""What operators send about the calendar."""

from typing import Any
from uuid import UUID

import httpx

from chassis.db import new_id
from chassis.testing import Tokens, once

CHANGES = "/services/v1/calendar-changes"
CORBAN = {"zh": "古尔邦节", "en": "Corban", "kk": "قۇربان ايت", "ug": "قۇربان ھېيت"}


def operator(tokens: Tokens, person_id: UUID | None = None) -> dict[str, str]:
    return tokens.staff("operator", division_code="654000", person_id=person_id or new_id())


def change_of(*days: tuple[str, bool], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    listed = [{"day": day, "working": working, "name": CORBAN} for day, working in days]
    return {"year": 2026, "days": listed, "completes_year": False, "reason": CORBAN} | changes


async def propose(api: httpx.AsyncClient, headers: dict[str, str], body: dict[str, Any]) -> httpx.Response:
    return await api.post(CHANGES, json=body, headers=headers | once())


async def decide(
    api: httpx.AsyncClient, headers: dict[str, str], change_id: str, decision: str = "approve"
) -> httpx.Response:
    return await api.post(f"{CHANGES}/{change_id}/{decision}", headers=headers | once())


async def changed(api: httpx.AsyncClient, tokens: Tokens, *days: tuple[str, bool], **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A change that one operator proposed and another approved."""
    proposed = await propose(api, operator(tokens), change_of(*days, **changes))
    assert proposed.status_code == 201, proposed.text
    approved = await decide(api, operator(tokens), proposed.json()["change_id"])
    assert approved.status_code == 200, approved.text
    answer: dict[str, Any] = approved.json()
    return answer
