"""Companies that were connected before get an organisation: their approval is announced again."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest_asyncio
from alembic import command
from sqlalchemy import URL, make_url

from chassis.db import Database, new_id
from chassis.migrations import Roles, alembic_config, provision, upgrade
from chassis.testing import emitted
from svc_identity.oauth.consumers import ProviderApproved
from tests.svc_payments.parties.providers.test_upgrade import run
from tests.svc_services.providers.connections.companies import new_key, public
from tests.svc_services.providers.connections.test_upgrade import APPLICATION, KIND, PROVIDER


@pytest_asyncio.fixture
async def url(postgres_url: str) -> AsyncIterator[URL]:
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database=f"companies_{new_id().hex}")
    await provision(url, Roles.of("svc_services"))
    await asyncio.to_thread(command.upgrade, alembic_config("svc_services", url), "0013")
    await run(url, KIND)
    yield url
    await run(url.set(database="postgres"), f'DROP DATABASE "{url.database}" WITH (FORCE)')


async def test_providers_of_before_are_announced_again(url: URL) -> None:
    provider_id, keys = new_id(), {"keys": [public(new_key("k1"))]}
    await run(url, APPLICATION, provider_id, "91654002A", json.dumps(keys))
    await run(url, PROVIDER, provider_id, "91654002A", json.dumps(keys), 0)
    await asyncio.to_thread(upgrade, "svc_services", url)
    database = Database(url)
    async with database.read() as tx:
        (event,) = await emitted(tx)
    await database.close()
    assert (event.type, event.key) == ("cn.ili.services.provider.approved.v1", str(provider_id))
    read = ProviderApproved.model_validate(event.data)
    assert (read.provider_id, read.uscc, read.jwks) == (provider_id, "91654002A", keys)
    await asyncio.to_thread(command.downgrade, alembic_config("svc_services", url), "0013")
