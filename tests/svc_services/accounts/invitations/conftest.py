"""An owner whose account is bound, and people whom they invite."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest_asyncio

from chassis.db import new_id
from chassis.testing import Tokens, once
from tests.svc_services.accounts.bindings.conftest import ACCOUNT, Bind, bind, person_id, provider_id
from tests.svc_services.companies import BINDINGS, attestation

__all__ = ["bind", "person_id", "provider_id"]

ACCESSES = "/services/v1/account-accesses"
ACCEPT = "/services/v1/account-invitations/accept"
NAME = "阿依古丽·买买提"


@dataclass
class House:
    """One account, its owner, and what they and others do about it."""

    api: httpx.AsyncClient
    tokens: Tokens
    owner_id: UUID
    binding_id: str
    provider_id: UUID
    account: str = ACCOUNT
    guest_id: UUID = field(default_factory=new_id)

    @property
    def path(self) -> str:
        return f"{BINDINGS}/{self.binding_id}"

    async def invite(self, role: str = "family", *, by: UUID | None = None, **changes: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        body = {"role": role, "name": NAME, "label": "女儿", **changes}
        headers = self.tokens.resident(by or self.owner_id) | once()
        return await self.api.post(f"{self.path}/invitations", json=body, headers=headers)

    async def accept(
        self, code: str, person: UUID | None = None, *, name: str = NAME, key: dict[str, str] | None = None
    ) -> httpx.Response:
        person = person or self.guest_id
        body = {"code": code, "attestation": attestation(self.tokens, person, name=name)}
        return await self.api.post(ACCEPT, json=body, headers=self.tokens.resident(person) | (key or once()))

    async def join(self, role: str = "family", person: UUID | None = None, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Invite somebody who accepts; returns their binding."""
        invited = await self.invite(role, **changes)
        assert invited.status_code == 201, invited.text
        accepted = await self.accept(invited.json()["code"], person)
        assert accepted.status_code == 201, accepted.text
        joined: dict[str, Any] = accepted.json()
        return joined

    async def members(self) -> list[dict[str, Any]]:
        answer = await self.api.get(f"{self.path}/members", headers=self.tokens.resident(self.owner_id))
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def end(self, binding_id: str, person: UUID) -> None:
        path = BINDINGS if person == self.owner_id else ACCESSES
        answer = await self.api.delete(f"{path}/{binding_id}", headers=self.tokens.resident(person))
        assert answer.status_code == 204, answer.text

    async def remove(self, member_id: str, *, by: UUID | None = None) -> httpx.Response:
        headers = self.tokens.resident(by or self.owner_id)
        return await self.api.delete(f"{self.path}/members/{member_id}", headers=headers)


@pytest_asyncio.fixture
async def house(api: httpx.AsyncClient, tokens: Tokens, bind: Bind, person_id: UUID, provider_id: UUID) -> House:
    bound = await bind()
    assert bound.status_code == 201, bound.text
    return House(api, tokens, person_id, bound.json()["binding_id"], provider_id)
