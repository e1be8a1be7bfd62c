"""The auditor's database role: it reads every table of the services, and writes nowhere."""

import asyncpg
from pydantic import SecretStr
from sqlalchemy import URL

from chassis.migrations import Roles, administrator
from deploy.evidence.settings import AUDITOR, SERVICES, GrantSettings


async def grant_reading(settings: GrantSettings) -> list[str]:
    """Make the role, or give it another password, and let it read. Returns the services that have no database yet."""
    async with administrator(settings.url_of(SERVICES[0]), "postgres") as connection:
        await _make(connection, settings.auditor_password)
        there = {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}
    missing = []
    for service in SERVICES:
        url = settings.url_of(service)
        if url.database in there:
            await let_read(url)
        else:
            missing.append(service)
    return missing


async def _make(connection: asyncpg.Connection, password: SecretStr) -> None:
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", AUDITOR):
        await connection.execute(f'CREATE ROLE "{AUDITOR}"')
    set_it = "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)"
    await connection.execute(await connection.fetchval(set_it, AUDITOR, password.get_secret_value()))
    await connection.execute(f'ALTER ROLE "{AUDITOR}" SET default_transaction_read_only = on')


async def let_read(url: URL) -> None:
    """Let the auditor read the tables of one database, and those that later migrations add."""
    owner = Roles.of(f"svc_{(url.database or '').removeprefix('myili_')}").owner
    async with administrator(url) as connection:
        await connection.execute(f'GRANT CONNECT ON DATABASE "{url.database}" TO "{AUDITOR}"')
        await connection.execute(f'SET ROLE "{owner}"')
        await connection.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{AUDITOR}"')
        await connection.execute(
            f'ALTER DEFAULT PRIVILEGES FOR ROLE "{owner}" IN SCHEMA public GRANT SELECT ON TABLES TO "{AUDITOR}"'
        )
