"""Proofs as an app sends them, and people whom the registry has."""

from typing import Any

import httpx

from chassis.testing import once
from svc_identity.settings import Settings
from tests.svc_identity.app_client import bearer
from tests.svc_identity.identities import NAME, id_number, proof

PROOFING = "/identity/v1/me/proofing"


async def prove(api: httpx.AsyncClient, tokens: dict[str, Any], **body: Any) -> httpx.Response:  # noqa: ANN401 - JSON
    return await api.post(PROOFING, json=proof(**body), headers=bearer(tokens) | once())


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def on_record(settings: Settings, name: str = NAME) -> str:
    """An ID number that the registry has under this name and no person here has."""
    number = id_number()
    known = httpx.post(f"{settings.registries_url}/population/verify", json={"name": name, "id_number": number})
    assert known.json() == {"result": "match"}
    return number
