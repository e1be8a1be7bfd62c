from collections.abc import Sequence
from uuid import UUID

import httpx
import pytest_asyncio

from chassis.testing import Tokens
from tests.svc_services.cases.applications.conftest import person_id, resident
from tests.svc_services.cases.joint.scenes import companies

__all__ = ["person_id", "resident"]


@pytest_asyncio.fixture
async def provider_ids(api: httpx.AsyncClient, tokens: Tokens) -> Sequence[UUID]:
    """Of water, electricity and gas."""
    return await companies(api, tokens)
