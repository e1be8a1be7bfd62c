"""A provider that is connected, a resident, and bindings between them."""

from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from chassis.db import new_id
from chassis.testing import Tokens, once
from tests.svc_services.companies import BINDINGS, ProviderSystem, account_number, approved, attestation

Bind = Callable[..., Coroutine[None, None, httpx.Response]]
ACCOUNT = account_number(123456789)


@pytest_asyncio.fixture
async def provider_id(api: httpx.AsyncClient, tokens: Tokens, provider_system: ProviderSystem) -> UUID:
    return await approved(api, tokens, endpoint_url=provider_system.url)


@pytest.fixture
def person_id() -> UUID:
    return new_id()


@pytest.fixture
def bind(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, person_id: UUID) -> Bind:
    """Binds an account as the resident would, or as another person, or with another attestation."""

    async def bind(
        account: str = ACCOUNT,
        *,
        person: UUID = person_id,
        idempotency_key: dict[str, str] | None = None,
        token: str | None = None,
        **claims: Any,  # noqa: ANN401 - claims
    ) -> httpx.Response:
        body = {
            "provider_id": str(provider_id),
            "account_number": account,
            "attestation": token or attestation(tokens, person, **claims),
        }
        return await api.post(BINDINGS, json=body, headers=tokens.resident(person) | (idempotency_key or once()))

    return bind
