"""Providers that were connected before they could declare anything keep the rule of before."""

import asyncio

import asyncpg
from alembic import command
from sqlalchemy import URL, make_url

from chassis.db import Database, new_id
from chassis.migrations import Roles, alembic_config, provision, upgrade
from kit.fields.customer_parameters import TEN_DIGITS
from svc_payments.parties.providers.account_numbers import parameters_of

_KNOWN = (
    "INSERT INTO providers (provider_id, kind, name, endpoint_url, as_of) VALUES ($1, 'water', 'A', 'https://a', now())"
)


async def test_an_existing_provider_keeps_ten_digits(postgres_url: str) -> None:
    provider_id = new_id()
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database=f"upgrade_{new_id().hex}")
    await provision(url, Roles.of("svc_payments"))
    await asyncio.to_thread(command.upgrade, alembic_config("svc_payments", url), "0024")
    await run(url, _KNOWN, provider_id)
    await asyncio.to_thread(upgrade, "svc_payments", url)
    database = Database(url)
    async with database.read() as tx:
        assert await parameters_of(tx, provider_id) == TEN_DIGITS
    await database.close()
    await asyncio.to_thread(command.downgrade, alembic_config("svc_payments", url), "0024")
    await run(url.set(database="postgres"), f'DROP DATABASE "{url.database}" WITH (FORCE)')


async def run(url: URL, statement: str, *values: object) -> None:
    connection = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()
