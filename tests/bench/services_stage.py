"""svc_services in a process of its own as deployed, with its starter data, and the tokens of whoever asks it."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from sqlalchemy import make_url

from chassis.migrations import Roles, upgrade
from chassis.testing import PUBLIC_URL, Tokens
from deploy.local.keys import keys_in
from deploy.local.postgres import running_postgres
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running

DATABASE = "myili_services"


@dataclass(frozen=True)
class ServicesStage:
    database: str
    """As the owner of the server."""
    as_service: str
    """As the role that the service runs as."""
    where: str
    process: psutil.Process
    tokens: Tokens
    folder: Path
    settings: Mapping[str, str]


@contextlib.contextmanager
def services_server(folder: Path, *, durable: bool = True) -> Iterator[str]:
    """Only the PostgreSQL server, with the service's database at its newest schema and its starter data."""
    folder.mkdir(exist_ok=True)
    keys = keys_in(folder)
    with running_postgres(folder / "postgres", durable=durable) as server:
        owner = make_url(server).set(drivername="postgresql+asyncpg", database=DATABASE)
        upgrade("svc_services", owner, keys["services_database_password"])
        environment = _environment(_settings(server, folder, f"http://{LOOPBACK}:1"))
        starter = Program("starter", [sys.executable, "-m", "svc_services.starter"], "", environment=environment)
        with running(starter, folder / "starter.log") as process:
            if process.wait(300):
                raise SystemExit(f"The starter data was not loaded; {folder / 'starter.log'} says why.")
        yield server


@contextlib.contextmanager
def services_stage(folder: Path, *, durable: bool = True) -> Iterator[ServicesStage]:
    """The service for as long as the block lasts; data already in the folder's database is kept."""
    with contextlib.closing(Tokens()) as tokens, services_server(folder, durable=durable) as server:
        settings = _settings(server, folder, tokens.jwks_url)
        with served("svc_services.app:create_app", folder, _environment(settings)) as (where, process):
            as_service = make_url(settings["database_url"]).set(database=DATABASE)
            yield ServicesStage(
                f"{server}/{DATABASE}",
                as_service.render_as_string(hide_password=False),
                where,
                process,
                tokens,
                folder,
                settings,
            )


@contextlib.contextmanager
def served(factory: str, folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    """An application under uvicorn: where it listens, and its process."""
    port = free_port()
    # As in deploy/compose.
    arguments = ["uvicorn", "--factory", factory, "--port", str(port), "--no-access-log"]
    program = Program(
        name=factory,
        command=[sys.executable, "-m", *arguments],
        where=f"{LOOPBACK}:{port}",
        ready=partial(accepts_connections, port),
        environment=environment,
    )
    with running(program, folder / f"{factory.partition(':')[0]}.log") as process:
        yield program.where, psutil.Process(process.pid)


def _settings(server: str, folder: Path, jwks_url: str) -> dict[str, str]:
    """The settings the service requires; outside systems are unreachable."""
    keys = keys_in(folder)
    role = make_url(server).set(username=Roles.of("svc_services").runtime, password=keys["services_database_password"])
    return {
        "database_url": role.render_as_string(hide_password=False),
        "kafka": f"{LOOPBACK}:1",
        "public_url": PUBLIC_URL,
        "jwks_url": jwks_url,
        "registries_url": f"http://{LOOPBACK}:1",
        "provider_signing_key": keys["provider_signing_key"],
        "materials": (folder / "materials").as_uri(),
    }


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"MYILI_{name.upper()}": value for name, value in settings.items()}
