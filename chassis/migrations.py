"""The schema of a service, the role that owns it, and the role that the service runs as.

Each service package has `migrations/` with its own history; its `env.py` is one call of `run_migrations`. An
administrator of the server runs `python -m chassis.migrations upgrade svc_NAME...`. Tables belong to a role nobody can
log in as; the service's own role owns nothing, so it can neither change the schema nor switch a trigger off, and it
can connect to no other service's database.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import asyncpg
from alembic import command, context
from alembic.config import Config
from alembic.util.exc import CommandError
from pydantic import SecretStr
from sqlalchemy import URL, Connection, ForeignKeyConstraint, MetaData, Table, make_url, pool, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.schema import SchemaItem

from chassis.settings import EnvironmentSettings, load

# A trigger of a service's own, on a temporary table, would write at the depth that only the owner's triggers reach.
_RESTRICTIONS = """
REVOKE EXECUTE ON FUNCTION lo_create, lo_creat, lo_from_bytea FROM PUBLIC;
REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql TO {owner}
"""
# Tables created by an earlier version belong to the administrator that ran its migrations.
_TAKE_OVER = """
SELECT format('ALTER TABLE %s OWNER TO {owner}', oid::regclass) AS rule FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relowner <> '{owner}'::regrole
UNION ALL
SELECT format('ALTER ROUTINE %s OWNER TO {owner}', oid::regprocedure) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proowner <> '{owner}'::regrole
"""
# Partitions are reached through their table, whose triggers would not see what is done to one directly.
_TABLES = """
SELECT quote_ident(relname) AS name,
    bool_or(tgtype::integer & 16 > 0) AS unchanging, bool_or(tgtype::integer & 8 > 0) AS lasting
FROM pg_class LEFT JOIN pg_trigger ON tgrelid = pg_class.oid AND tgname = 'append_only'
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
GROUP BY relname
"""
# Triggers fire without the right to call their functions. A temporary table stands in for none of the service's.
_FUNCTIONS = """
SELECT format('GRANT EXECUTE ON FUNCTION %s TO {runtime}', oid::regprocedure) AS rule FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype
UNION ALL
SELECT format('ALTER FUNCTION %s SET search_path = public, pg_temp', pg_proc.oid::regprocedure) FROM pg_proc
JOIN pg_language ON pg_language.oid = prolang WHERE pronamespace = 'public'::regnamespace AND lanname = 'plpgsql'
"""


@dataclass(frozen=True)
class Roles:
    """The two roles of a service in its PostgreSQL server."""

    owner: str
    runtime: str

    @classmethod
    def of(cls, package: str) -> "Roles":
        name = f"myili_{package.removeprefix('svc_')}"
        return cls(f"{name}_owner", name)


def run_migrations(metadata: MetaData) -> None:
    """The body of every service's `migrations/env.py`."""
    asyncio.run(_run_migrations(context.config.attributes["url"], context.config.attributes["owner"], metadata))


async def _run_migrations(url: URL, owner: str, metadata: MetaData) -> None:
    engine = create_async_engine(url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.execute(text(f'SET ROLE "{owner}"'))
        await connection.run_sync(_run_migrations_on, metadata)
        await connection.commit()
    await engine.dispose()


def _run_migrations_on(connection: Connection, metadata: MetaData) -> None:
    # Two instances of a service that start together must not migrate concurrently.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('myili migrations'))"))
    # Partitions are created and dropped over time; their columns and the copied foreign keys to them follow from their
    # table.
    partitions = set(connection.scalars(text("SELECT relname FROM pg_class WHERE relispartition")))

    def compared(item: SchemaItem, *_: object) -> bool:
        if isinstance(item, ForeignKeyConstraint):
            return item.elements[0].target_fullname.partition(".")[0] not in partitions
        return not isinstance(item, Table) or item.name not in partitions

    context.configure(connection=connection, target_metadata=metadata, compare_type=True, include_object=compared)
    context.run_migrations()


def alembic_config(package: str, url: URL) -> Config:
    """Alembic's configuration for one service package, such as `svc_payments`; the URL is an administrator's."""
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    config.attributes["owner"] = Roles.of(package).owner
    return config


def upgrade(package: str, url: URL, password: str | None = None) -> None:
    """Create the service's roles and database when missing, and bring its schema to the newest revision.

    The URL is an administrator's, with the name of the database. Without a password the service's role keeps its own.
    """
    roles = Roles.of(package)
    asyncio.run(provision(url, roles, password))
    command.upgrade(alembic_config(package, url), "head")
    asyncio.run(grant(url, roles))


async def provision(url: URL, roles: Roles, password: str | None = None) -> None:
    """Create the roles and the database, and revoke access to it from all other roles."""
    async with administrator(url, "postgres") as connection:
        # Services whose migrations start together create roles one at a time.
        await connection.execute("SELECT pg_advisory_lock(hashtext('myili roles'))")
        for role in (roles.owner, roles.runtime):
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f'CREATE ROLE "{role}"')
        if password is not None:
            set_it = "SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)"
            await connection.execute(await connection.fetchval(set_it, roles.runtime, password))
        await connection.execute(f'GRANT "{roles.owner}" TO CURRENT_USER')
        for shared in ("postgres", "template1"):
            await connection.execute(f"REVOKE CONNECT, TEMPORARY ON DATABASE {shared} FROM PUBLIC")
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", url.database):
            await connection.execute(f'CREATE DATABASE "{url.database}" OWNER "{roles.owner}"')
        await connection.execute(f'ALTER DATABASE "{url.database}" OWNER TO "{roles.owner}"')
        await open_database(connection, url.database or "", roles)
    async with administrator(url) as connection:
        await connection.execute(_RESTRICTIONS.format(owner=roles.owner))
        for found in await connection.fetch(_TAKE_OVER.format(owner=roles.owner)):
            await connection.execute(found["rule"])


async def open_database(connection: asyncpg.Connection, name: str, roles: Roles) -> None:
    """Let the service connect to its database, and no other."""
    await connection.execute(f'REVOKE CONNECT, TEMPORARY ON DATABASE "{name}" FROM PUBLIC')
    await connection.execute(f'GRANT CONNECT, TEMPORARY ON DATABASE "{name}" TO "{roles.runtime}"')


async def grant(url: URL, roles: Roles) -> None:
    """Let the service work with the tables: not change those that only grow, nor touch partitions directly."""
    role = f'"{roles.runtime}"'
    async with administrator(url) as connection, connection.transaction():
        await connection.execute(f'SET ROLE "{roles.owner}"')
        await connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
        for table in await connection.fetch(_TABLES):
            privileges = ["SELECT"]
            if table["name"] != "alembic_version":
                changes = (("UPDATE", table["unchanging"]), ("DELETE", table["lasting"]))
                privileges += ["INSERT", *(change for change, forbidden in changes if not forbidden)]
            await connection.execute(f"GRANT {', '.join(privileges)} ON {table['name']} TO {role}")
        await connection.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
        await connection.execute(f"REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, {role}")
        for function in await connection.fetch(_FUNCTIONS.format(runtime=roles.runtime)):
            await connection.execute(function["rule"])
        # The planner's statistics, of partitions and of those to come too.
        await connection.execute(f"GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO {role}")
        await connection.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT MAINTAIN ON TABLES TO {role}")


@contextlib.asynccontextmanager
async def administrator(url: URL, database: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection, to the URL's database or to another one."""
    connection = await asyncpg.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, database=database or url.database
    )
    try:
        yield connection
    finally:
        await connection.close()


class AdministratorSettings(EnvironmentSettings):
    """Settings of the migration job. No service has them."""

    database_admin_url: SecretStr
    """The server, as somebody who may create roles and databases."""
    database_passwords: Mapping[str, SecretStr] = {}
    """By service, such as MYILI_DATABASE_PASSWORDS__PAYMENTS; a role without one here keeps what it has."""

    def url_of(self, package: str) -> URL:
        server = make_url(self.database_admin_url.get_secret_value())
        return server.set(drivername="postgresql+asyncpg", database=Roles.of(package).runtime)

    def password_of(self, package: str) -> str | None:
        password = self.database_passwords.get(package.removeprefix("svc_"))
        return password.get_secret_value() if password else None


def main(arguments: list[str]) -> int:
    """`python -m chassis.migrations upgrade|check|revision PACKAGE...`: the schemas of these services."""
    if len(arguments) < 2 or arguments[0] not in {"upgrade", "check", "revision"}:  # noqa: PLR2004 - verb and package
        sys.stderr.write("usage: python -m chassis.migrations upgrade|check svc_NAME... | revision svc_NAME MESSAGE\n")
        return 2
    settings = load(AdministratorSettings)
    verb, *packages = arguments
    try:
        if verb == "revision":
            package, message = packages
            command.revision(alembic_config(package, settings.url_of(package)), message=message, autogenerate=True)
            return 0
        for package in packages:
            url = settings.url_of(package)
            if verb == "upgrade":
                upgrade(package, url, settings.password_of(package))
            else:
                command.check(alembic_config(package, url))
    except (CommandError, OSError, asyncpg.PostgresError) as error:
        sys.stderr.write(f"{verb} {' '.join(packages)}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
