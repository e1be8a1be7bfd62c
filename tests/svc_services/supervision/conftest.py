"""The calendar, a water company of Yining with its people, and a resident."""

from functools import partial
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from chassis.db import Database, new_id
from chassis.testing import Tokens
from svc_services.providers.own_company.models import CompanyOrganisation
from svc_services.starter import load_calendar
from tests.svc_services.cases.applications.cases import YINING
from tests.svc_services.companies import approved
from tests.svc_services.supervision.scenes import Someone


@pytest_asyncio.fixture(autouse=True)
async def _calendar(database: Database) -> None:
    await load_calendar(database)


@pytest_asyncio.fixture
async def provider_id(api: httpx.AsyncClient, tokens: Tokens) -> UUID:
    return await approved(api, tokens, division_codes=[YINING])


@pytest_asyncio.fixture
async def company(tokens: Tokens, database: Database, provider_id: UUID) -> Someone:
    """An admin of the company, with a token of the moment."""
    organisation_id = new_id()
    async with database.transaction() as tx:
        tx.add(CompanyOrganisation(organisation_id=organisation_id, provider_id=provider_id))
    return partial(tokens.staff, "provider_admin", organisation_id=organisation_id, person_id=new_id())


@pytest.fixture
def person_id() -> UUID:
    return new_id()
