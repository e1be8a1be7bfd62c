"""svc_identity in a process of its own as deployed, on a PostgreSQL with fsync on, beside sandboxes for SMS."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from sqlalchemy import make_url

from chassis.migrations import Roles, upgrade
from deploy.local.keys import keys_in
from deploy.local.postgres import running_postgres
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running

DATABASE = "myili_identity"


@dataclass(frozen=True)
class IdentityService:
    server: str
    """The PostgreSQL server, as its owner."""
    where: str
    process: psutil.Process
    folder: Path
    as_service: str
    """The database as the role that the service runs as."""
    settings: Mapping[str, str]

    @property
    def issuer(self) -> str:
        return f"http://{self.where}/identity"


@contextlib.contextmanager
def identity_service(
    folder: Path, *, sms_url: str = f"http://{LOOPBACK}:1", **settings: str
) -> Iterator[IdentityService]:
    """The service for as long as the block lasts; `settings` replace those that it has otherwise."""
    keys = keys_in(folder)
    with running_postgres(folder / "postgres") as server:
        owner = make_url(server).set(drivername="postgresql+asyncpg", database=DATABASE)
        upgrade("svc_identity", owner, keys["identity_database_password"])
        role = make_url(server).set(
            username=Roles.of("svc_identity").runtime, password=keys["identity_database_password"]
        )
        port = free_port()
        where = f"{LOOPBACK}:{port}"
        usual = {
            "database_url": role.render_as_string(hide_password=False),
            "kafka": f"{LOOPBACK}:1",
            "public_url": f"http://{where}",
            "jwks_url": f"http://{where}/identity/v1/oauth/jwks",
            "sms_url": sms_url,
            "registries_url": f"http://{LOOPBACK}:1",
            "anchors": (folder / "anchors").as_uri(),
            **{name: keys[name] for name in ("token_signing_key", "field_key", "index_key", "anchor_key")},
        }
        # As in deploy/compose.
        arguments = ["uvicorn", "--factory", "svc_identity.app:create_app", "--port", str(port), "--no-access-log"]
        environment = {f"MYILI_{name.upper()}": value for name, value in {**usual, **settings}.items()}
        program = Program(
            name="svc_identity",
            command=[sys.executable, "-m", *arguments],
            where=where,
            ready=partial(accepts_connections, port),
            environment=environment,
        )
        starter = [sys.executable, "-m", "svc_identity.starter"]
        with running(Program("starter", starter, where, environment=environment), folder / "starter.log") as process:
            if process.wait(60):
                raise SystemExit(f"The starter data was not loaded; {folder / 'starter.log'} says why.")
        with running(program, folder / "service.log") as process:
            as_service = role.set(database=DATABASE).render_as_string(hide_password=False)
            yield IdentityService(server, where, psutil.Process(process.pid), folder, as_service, {**usual, **settings})
