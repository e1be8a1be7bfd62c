"""Migrations make the checks and indexes that the models have; alembic compares neither checks nor conditions."""

import asyncio
import importlib
import pkgutil
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import URL, MetaData, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.db import new_id
from chassis.migrations import Roles, administrator, provision, upgrade

PACKAGES = ("svc_identity", "svc_services", "svc_payments", "svc_miniapps")
_CHECKS = """
SELECT conrelid::regclass::text AS of_table, conname AS name, pg_get_constraintdef(oid) AS said FROM pg_constraint
WHERE contype = 'c' AND connamespace = 'public'::regnamespace
"""
_INDEXES = (
    "SELECT tablename AS of_table, indexname AS name, indexdef AS said FROM pg_indexes WHERE schemaname = 'public'"
)
_LIST = re.compile(r"ARRAY\[([^\]]*)\]")


def metadata_of(package: str) -> MetaData:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if module.name.endswith(".models"):
            importlib.import_module(module.name)
    metadata: MetaData = importlib.import_module(f"{package}.base").Base.metadata
    return metadata


async def rules(url: URL, tables: set[str]) -> dict[tuple[str, str], str]:
    """Checks and indexes by table and name; the order of a list of values says nothing."""
    async with administrator(url) as connection:
        found = [*await connection.fetch(_CHECKS), *await connection.fetch(_INDEXES)]
    return {
        (each["of_table"], each["name"]): _LIST.sub(lambda m: str(sorted(m[1].split(", "))), each["said"])
        for each in found
        if each["of_table"] in tables
    }


@pytest_asyncio.fixture
async def empty(postgres_url: str) -> AsyncIterator[tuple[URL, URL]]:
    """Two databases without a table."""
    server = make_url(postgres_url).set(drivername="postgresql+asyncpg")
    migrated, modelled = (server.set(database=f"schema_{new_id().hex}") for _ in range(2))
    yield migrated, modelled
    async with administrator(server, "postgres") as connection:
        for url in (migrated, modelled):
            await connection.execute(f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)')


@pytest.mark.parametrize("package", PACKAGES)
async def test_migrations_make_what_the_models_say(empty: tuple[URL, URL], package: str) -> None:
    migrated, modelled = empty
    metadata = metadata_of(package)
    await asyncio.to_thread(upgrade, package, migrated)
    await provision(modelled, Roles.of(package))
    engine = create_async_engine(modelled)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    tables = {table.name for table in metadata.sorted_tables}
    made, said = await rules(migrated, tables), await rules(modelled, tables)
    assert {name: each for name, each in made.items() if said.get(name) != each} == {}
    assert said.keys() - made.keys() == set()
