"""Keys that were connected before the rule are claimed by their first connection, whatever form they are in."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID

import pytest_asyncio
from alembic import command
from joserfc.jwk import RSAKey
from sqlalchemy import URL, make_url, text

from chassis.db import Database, new_id
from chassis.migrations import Roles, alembic_config, provision, upgrade
from kit.audit.proof import trail_parts
from svc_services.trail import TRAIL
from tests.svc_payments.parties.providers.test_upgrade import run
from tests.svc_services.providers.connections.companies import new_key, public
from tests.svc_services.providers.connections.test_key_claims import rewritten

KIND = "INSERT INTO utility_kinds VALUES ('water', '水', 'Water')"
APPLICATION = (
    "INSERT INTO provider_applications (id, uscc, name, kind, division_codes, jwks, endpoint_url, token_hash, status, "
    "decided_by, decided_at, created_at) VALUES ($1, $2, 'A', 'water', '{}', $3, 'https://a', 't', 'approved', "
    "uuidv7(), now(), now())"
)
PROVIDER = (
    "INSERT INTO providers (id, uscc, name, kind, division_codes, jwks, endpoint_url, approved_at) "
    "VALUES ($1, $2, 'A', 'water', '{}', $3, 'https://a', now() + $4 * interval '1 day')"
)
_ADDED = (
    "INSERT INTO provider_changes (id, provider_id, action, details, reason, status, company_key, proposed_at, "
    "provider_revision) VALUES (uuidv7(), $1, 'add_key', $2, 'r', 'approved', 'k', now(), 0)"
)


@pytest_asyncio.fixture
async def url(postgres_url: str) -> AsyncIterator[URL]:
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database=f"keys_{new_id().hex}")
    await provision(url, Roles.of("svc_services"))
    await asyncio.to_thread(command.upgrade, alembic_config("svc_services", url), "0006")
    await run(url, KIND)
    yield url
    await run(url.set(database="postgres"), f'DROP DATABASE "{url.database}" WITH (FORCE)')


async def test_keys_of_before_are_claimed(url: URL) -> None:
    first, second, ended, now = new_id(), new_id(), new_key("k1"), new_key("k2")
    rsa = RSAKey.generate_key(2048, {"kid": "r1"})
    as_java_writes_it = {**rewritten(rsa.as_dict(private=False)), "kid": "r1"}
    for provider_id, keys, days in ((second, [public(now)], 1), (first, [public(now)], 0)):
        uscc = str(provider_id)
        await run(url, APPLICATION, provider_id, uscc, json.dumps({"keys": [public(ended)] if days == 0 else keys}))
        await run(url, PROVIDER, provider_id, uscc, json.dumps({"keys": keys}), days)
    await run(url, _ADDED, second, json.dumps({"key": as_java_writes_it}))
    await asyncio.to_thread(upgrade, "svc_services", url)
    claimed = {ended.thumbprint(): first, now.thumbprint(): first, rsa.thumbprint(): second}
    await assert_claimed(url, claimed)
    await asyncio.to_thread(command.downgrade, alembic_config("svc_services", url), "0006")
    await asyncio.to_thread(upgrade, "svc_services", url)
    await assert_claimed(url, claimed)


async def assert_claimed(url: URL, claimed: dict[str, UUID]) -> None:
    database = Database(url)
    async with database.read() as tx:
        rows = (await tx.execute(text("SELECT thumbprint, provider_id FROM provider_keys"))).all()
        assert {row.thumbprint: row.provider_id for row in rows} == claimed
        findings = [finding for part in trail_parts(TRAIL, []) async for finding in part.findings(tx)]
        assert [each for each in findings if each.startswith("provider_keys")] == []
    await database.close()
