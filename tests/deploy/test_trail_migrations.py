"""Rows that are older than the trail are its first link; the migration can be undone and done again."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from alembic import command
from sqlalchemy import URL, make_url, text

from chassis.db import Database, new_id
from chassis.migrations import Roles, administrator, alembic_config, grant, provision
from kit.audit.command import Command
from svc_identity.trail import COMMAND as identity_trail  # noqa: N811 - three of one name
from svc_miniapps.trail import COMMAND as miniapps_trail  # noqa: N811
from svc_services.trail import COMMAND as services_trail  # noqa: N811
from tests.tampering.trial import Proof

DIVISION = "INSERT INTO divisions VALUES ('654002', '伊宁市', 'Yining', 'city', '654000')"
PERSON = (
    "INSERT INTO persons (id, phone, phone_index, assurance_level, created_at) VALUES (uuidv7(), 'p', 'i', 1, now())"
)
APPLICATION = (
    "INSERT INTO provider_applications (id, uscc, name, kind, division_codes, jwks, endpoint_url, contact_phone, "
    "token_hash, status, created_at) VALUES (uuidv7(), '91', 'A', 'water', '{}', '{}', 'https://a', '138', 't', "
    "'applied', now())"
)
APP = (
    "INSERT INTO apps SELECT uuidv7(), uuidv7(), '654002', 'travel', 'A', 'a', 'about', '{}', uuidv7(), now(), 1 "
    "FROM divisions"
)
OLDER = {
    "identity": ("0006", "persons", [PERSON]),
    "services": (
        "0005",
        "provider_applications",
        ["INSERT INTO utility_kinds VALUES ('water', '水', 'Water')", APPLICATION],
    ),
    "miniapps": ("0001", "apps", [DIVISION, "INSERT INTO categories VALUES ('travel', '01', '出行', 'Travel')", APP]),
}

MADE = {"svc_miniapps": ("teams", "team_members", "app_filings")}
"""What later migrations make of the older row: an app has a team that its author leads, and a filing number."""


@pytest_asyncio.fixture
async def url(postgres_url: str, trail: Command) -> AsyncIterator[URL]:
    """A database of this service, as the administrator, without a table so far."""
    name = f"upgrade_{new_id().hex}"
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database=name)
    await provision(url, Roles.of(f"svc_{trail.trail.service}"))
    yield url
    async with administrator(url, "postgres") as connection:
        await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.mark.parametrize("trail", [identity_trail, services_trail, miniapps_trail])
async def test_older_rows_are_sealed_as_they_are(url: URL, trail: Command, tmp_path: Path) -> None:
    package = f"svc_{trail.trail.service}"
    config = alembic_config(package, url)
    before, table, statements = OLDER[trail.trail.service]
    await asyncio.to_thread(command.upgrade, config, before)
    database = Database(url)
    async with database.transaction() as tx:
        for statement in statements:
            await tx.execute(text(statement))
    await asyncio.to_thread(command.upgrade, config, "head")
    await grant(url, Roles.of(package))
    proof = Proof(trail, tmp_path.as_uri())
    assert await proof.findings(database) == []
    async with database.read() as tx:
        sealed = (await tx.execute(text("SELECT table_name, written_by FROM audit_seals"))).all()
    assert sorted(map(tuple, sealed)) == sorted((each, "migration") for each in (table, *MADE.get(package, ())))
    await asyncio.to_thread(command.downgrade, config, before)
    await asyncio.to_thread(command.upgrade, config, "head")
    assert await proof.findings(database) == []
    await database.close()
