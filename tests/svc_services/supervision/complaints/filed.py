"""Complaints as residents file them, and as staff and companies handle them."""

from typing import Any
from uuid import UUID

import httpx

from chassis.db import new_id
from chassis.testing import Tokens, once
from tests.svc_services.cases.applications.cases import YINING, Headers
from tests.svc_services.supervision.scenes import Someone, done

COMPLAINTS = "/services/v1/complaints"
RECEIVED = "/services/v1/received-complaints"
WORDS = "water is brown since Monday"
TO_PROVIDER, TO_AUTHORITY = {"handler": "provider"}, {"handler": "authority"}
SAID = {"words": "a new filter is in"}
CONTACT = {"name": "张三", "phone": "13800000001"}


def about_service(provider_id: UUID, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    usual = {"subject": "service", "provider_id": str(provider_id), "division_code": YINING, "words": WORDS}
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


async def file(api: httpx.AsyncClient, headers: Headers, body: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    return await api.post(COMPLAINTS, json=body, headers=headers | once())


async def filed(
    api: httpx.AsyncClient,
    tokens: Tokens,
    provider_id: UUID,
    person_id: UUID,
    **changes: Any,  # noqa: ANN401 - JSON
) -> str:
    """The id of a complaint about a provider's service."""
    answer = await file(api, tokens.resident(person_id), about_service(provider_id, **changes))
    assert answer.status_code == 201, answer.text
    complaint_id: str = answer.json()["complaint_id"]
    return complaint_id


def office(tokens: Tokens, role: str = "clerk", person_id: UUID | None = None, division_code: str = YINING) -> Headers:
    return tokens.staff(role, division_code=division_code, person_id=person_id or new_id())


async def answered(api: httpx.AsyncClient, tokens: Tokens, company: Someone, complaint_id: str) -> None:
    await done(api, f"{RECEIVED}/{complaint_id}/accept", office(tokens), TO_PROVIDER)
    await done(api, f"{RECEIVED}/{complaint_id}/answer", company(), SAID)
