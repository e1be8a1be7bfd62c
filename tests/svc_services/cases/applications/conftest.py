"""A water company of Yining, and a resident."""

from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from chassis.db import new_id
from chassis.testing import Tokens
from tests.svc_services.cases.applications.cases import YINING, Headers
from tests.svc_services.companies import approved


@pytest_asyncio.fixture
async def provider_id(api: httpx.AsyncClient, tokens: Tokens) -> UUID:
    return await approved(api, tokens, division_codes=[YINING])


@pytest.fixture
def person_id() -> UUID:
    return new_id()


@pytest.fixture
def resident(tokens: Tokens, person_id: UUID) -> Headers:
    return tokens.resident(person_id)
