"""With what one service knows of the database, nobody reads another's data or switches a rule off."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from itertools import permutations

import asyncpg
import pytest
from sqlalchemy import URL, make_url

from chassis.db import Database, new_id
from chassis.migrations import Roles, grant
from deploy.local.plan import PACKAGES
from tests.databases import as_administrator, upgrade_in_thread

DENIED = (asyncpg.InsufficientPrivilegeError,)

APPEND_ONLY = [
    ("svc_identity", "personal_data_reads"),
    ("svc_payments", "audit_records"),
    ("svc_payments", "ledger_entries"),
    ("svc_payments", "ledger_transfers"),
    ("svc_payments", "receipt_codes"),
]


@pytest.fixture(scope="module")
def urls(postgres_url: str) -> dict[str, URL]:
    """The URL of each service's own database, as the service has it."""
    server = make_url(postgres_url)
    return {package: upgrade_in_thread(package, server.set(database=Roles.of(package).runtime)) for package in PACKAGES}


@contextlib.asynccontextmanager
async def connected(url: URL) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize(("own", "other"), list(permutations(PACKAGES, 2)))
async def test_no_service_enters_another_ones_database(urls: dict[str, URL], own: str, other: str) -> None:
    with pytest.raises(DENIED):
        async with connected(urls[own].set(database=urls[other].database)):
            pass


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("shared", ["postgres", "template1"])
async def test_no_service_enters_a_database_of_the_server(urls: dict[str, URL], package: str, shared: str) -> None:
    with pytest.raises(DENIED):
        async with connected(urls[package].set(database=shared)):
            pass


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT lo_create(0)",
        "SELECT lo_creat(-1)",
        "SELECT lo_from_bytea(0, '')",
        "SET session_replication_role = replica",
        "ALTER TABLE outbox DISABLE TRIGGER ALL",
        "ALTER TABLE outbox ADD COLUMN note text",
        "DROP TABLE outbox",
        "TRUNCATE outbox",
        "CREATE TABLE mine (id integer)",
        "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql RETURN 1",
        "CREATE FUNCTION pg_temp.mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "DO 'BEGIN NULL; END'",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine SUPERUSER",
        "UPDATE alembic_version SET version_num = '0000'",
        "COPY outbox TO PROGRAM 'cat'",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT rolpassword FROM pg_authid",
    ],
)
async def test_a_service_changes_no_rule_of_its_own_database(
    urls: dict[str, URL], package: str, statement: str
) -> None:
    async with connected(urls[package]) as connection:
        with pytest.raises(DENIED):
            await connection.execute(statement)


@pytest.mark.parametrize("package", PACKAGES)
async def test_a_service_cannot_become_the_owner(urls: dict[str, URL], package: str) -> None:
    roles = Roles.of(package)
    async with connected(urls[package]) as connection:
        for role in (roles.owner, "postgres"):
            with pytest.raises(DENIED):
                await connection.execute(f'SET ROLE "{role}"')
        owned = "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
        assert await connection.fetchval(owned) == 0


@pytest.mark.parametrize(("package", "table"), APPEND_ONLY)
@pytest.mark.parametrize(
    "change", ["DELETE FROM {}", "UPDATE {} SET id = id", "TRUNCATE {}", "SELECT 1 FROM {} FOR UPDATE"]
)
async def test_what_only_grows_is_not_changed(urls: dict[str, URL], package: str, table: str, change: str) -> None:
    async with connected(urls[package]) as connection:
        with pytest.raises((*DENIED, asyncpg.UndefinedColumnError)):
            await connection.execute(change.format(table))


@pytest.mark.parametrize("package", PACKAGES)
async def test_no_trigger_of_the_owner_fires_for_a_table_of_the_services_own(
    urls: dict[str, URL], package: str
) -> None:
    """A seal is written at a trigger's depth; from a temporary table a service could write any seal it likes."""
    async with connected(urls[package]) as connection:
        await connection.execute("CREATE TEMPORARY TABLE lever AS SELECT FROM outbox")
        triggers = await connection.fetch(
            "SELECT oid::regprocedure::text AS function FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype"
        )
        assert triggers
        for trigger in triggers:
            with pytest.raises(DENIED):
                await connection.execute(
                    f"CREATE TRIGGER pull AFTER INSERT ON lever EXECUTE FUNCTION {trigger['function']}"
                )


async def test_a_temporary_table_does_not_stand_in_for_the_trail(urls: dict[str, URL]) -> None:
    record = new_id()
    async with connected(urls["svc_payments"]) as connection:
        await connection.execute("CREATE TEMPORARY TABLE audit_seals (LIKE public.audit_seals INCLUDING ALL)")
        await connection.execute(
            "INSERT INTO audit_records (id, actor, action, subject, details) VALUES ($1, 'a', 'b', 'c', '{}')", record
        )
        sealed = "SELECT count(*) FROM public.audit_seals WHERE row_key = $1"
        assert await connection.fetchval(sealed, str(record)) == 1


@pytest.mark.parametrize("package", PACKAGES)
async def test_functions_find_the_tables_of_the_service_first(urls: dict[str, URL], package: str) -> None:
    async with connected(urls[package]) as connection:
        elsewhere = await connection.fetch(
            "SELECT proname FROM pg_proc JOIN pg_language ON pg_language.oid = prolang "
            "WHERE pronamespace = 'public'::regnamespace AND lanname = 'plpgsql' "
            "AND NOT coalesce('search_path=public, pg_temp' = ANY (proconfig), false)"
        )
        assert elsewhere == []


async def test_a_service_at_work_keeps_its_rights_while_they_are_granted_anew(urls: dict[str, URL]) -> None:
    url = urls["svc_payments"]
    async with connected(url) as connection:
        granting = asyncio.create_task(grant(as_administrator(url), Roles.of("svc_payments")))
        while not granting.done():
            await connection.fetchval("SELECT open_audit_batch() FROM alembic_version, transfer_files")
        await granting


async def test_a_partition_is_reached_through_its_table_only(urls: dict[str, URL]) -> None:
    """Its own triggers are those of a plain table: what keeps a bill from being deleted stands on `bills`."""
    async with connected(urls["svc_payments"]) as connection:
        partitions = await connection.fetch(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'bills'::regclass"
        )
        assert partitions
        for partition in partitions:
            for change in ("DELETE FROM", "SELECT 1 FROM"):
                with pytest.raises(DENIED):
                    await connection.execute(f"{change} {partition['name']}")


async def test_a_service_does_not_start_with_the_administrators_rights(urls: dict[str, URL]) -> None:
    mere, administrator = Database(urls["svc_miniapps"]), Database(as_administrator(urls["svc_miniapps"]))
    await mere.require_mere_user()
    with pytest.raises(SystemExit, match="MYILI_DATABASE_URL names a role"):
        await administrator.require_mere_user()
    await mere.close()
    await administrator.close()
