"""Payment terms in tests: one operator proposes them, another approves."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import httpx

from chassis.db import CHINA
from chassis.testing import Tokens, once


def today() -> date:
    """The day in Beijing. A test run may pass midnight, so no test keeps it from when it was read."""
    return datetime.now(CHINA).date()


def operator(tokens: Tokens) -> dict[str, str]:
    """A new operator at each call."""
    return tokens.staff("operator")


async def put_in_force(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, terms: dict[str, Any], *, since: date | None = None
) -> int:
    """Propose and approve terms; returns their version."""
    body = {"terms": terms, "in_force_from": f"{since or today()}", "reason": "Agreement 2026-1"}
    path = f"/payments/v1/providers/{provider_id}/payment-terms"
    proposed = await api.post(path, json=body, headers=operator(tokens) | once())
    assert proposed.status_code == 201, proposed.text
    version = int(proposed.json()["version"])
    approved = await api.post(f"{path}/versions/{version}/approve", headers=operator(tokens) | once())
    assert approved.status_code == 200, approved.text
    return version
