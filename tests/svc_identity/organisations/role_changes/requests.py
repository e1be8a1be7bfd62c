"""Requests of operators about roles, as their clients send them."""

from typing import Any

import httpx

from chassis.testing import once

ROLE_CHANGES = "/identity/v1/role-changes"

Headers = dict[str, str]


async def propose_grant(
    api: httpx.AsyncClient, operator: Headers, organisation_id: str, phone: str, role: str
) -> httpx.Response:
    body = {"action": "grant", "organisation_id": organisation_id, "phone": phone, "role": role, "reason": "joins"}
    return await api.post(ROLE_CHANGES, json=body, headers=operator | once())


async def propose_removal(
    api: httpx.AsyncClient, operator: Headers, organisation_id: str, membership_id: str
) -> httpx.Response:
    body = {
        "action": "removal",
        "organisation_id": organisation_id,
        "membership_id": membership_id,
        "reason": "leaves",
    }
    return await api.post(ROLE_CHANGES, json=body, headers=operator | once())


async def decide(api: httpx.AsyncClient, operator: Headers, role_change_id: str, decision: str) -> httpx.Response:
    return await api.post(f"{ROLE_CHANGES}/{role_change_id}/{decision}", headers=operator | once())


async def granted(
    api: httpx.AsyncClient, operators: tuple[Headers, Headers], organisation_id: str, phone: str, role: str
) -> dict[str, Any]:
    """A role that one operator proposed and another approved."""
    proposed = await propose_grant(api, operators[0], organisation_id, phone, role)
    assert proposed.status_code == 201, proposed.text
    approved = await decide(api, operators[1], proposed.json()["role_change_id"], "approve")
    assert approved.status_code == 200, approved.text
    change: dict[str, Any] = approved.json()
    return change
