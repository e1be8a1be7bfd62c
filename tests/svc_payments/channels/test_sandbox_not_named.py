"""A deployment that does not name the sandbox channel has nothing of it: no money that is not real comes in."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from pydantic import ValidationError

from chassis.db import new_id
from chassis.testing import Tokens, client_of, once
from svc_payments.reconciliation.statements.downloads import merchant_of
from svc_payments.settings import Settings
from tests.svc_payments.served import application

STATEMENT = "/payments/v1/channel-statements/sandbox/2026-03-01"


@pytest.fixture
def settings_without_sandbox(settings: Settings) -> Settings:
    return type(settings)(**settings.model_dump() | {"channel_url": None, "channel_public_key": None})


@pytest_asyncio.fixture
async def without_sandbox(settings_without_sandbox: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with application(settings_without_sandbox) as app, client_of(app) as client:
        yield client


async def test_it_is_not_offered(without_sandbox: httpx.AsyncClient) -> None:
    assert (await without_sandbox.get("/payments/v1/channels")).json() == {"items": []}


@pytest.mark.parametrize("notices", ["notices", "contract-notices"])
async def test_its_notices_find_nobody(without_sandbox: httpx.AsyncClient, notices: str) -> None:
    answer = await without_sandbox.post(f"/payments/v1/channels/sandbox/{notices}", json={"state": "paid"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_no_mandate_begins_there(without_sandbox: httpx.AsyncClient, tokens: Tokens) -> None:
    mandate = {"provider_id": str(new_id()), "account_number": "6501000004", "channel": "sandbox", "limit_fen": 20_000}
    headers = {**tokens.resident(), **once()}
    answer = await without_sandbox.post("/payments/v1/mandates", json=mandate, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "channel_cannot_deduct")


async def test_its_statement_is_not_taken(
    without_sandbox: httpx.AsyncClient, settings_without_sandbox: Settings, tokens: Tokens
) -> None:
    answer = await without_sandbox.put(STATEMENT, content=b"statement", headers=tokens.staff("operator"))
    assert (answer.status_code, answer.json()["code"]) == (422, "channel_not_available")
    assert merchant_of("sandbox", settings_without_sandbox) is None


@pytest.mark.parametrize("missing", ["channel_url", "channel_public_key"])
async def test_half_of_its_settings_is_refused(settings: Settings, missing: str) -> None:
    with pytest.raises(ValidationError, match="together"):
        type(settings)(**settings.model_dump() | {missing: None})
