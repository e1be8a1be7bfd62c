"""The platform as its clients see it: svc_identity as processes, behind the gateway as a process."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import make_url

from chassis.db import Database
from contracts.lint import npm
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running
from tests.clients import __main__ as clients
from tests.clients.platform import Platform
from tests.deploy.sandboxes.processes import Sandbox
from tests.gateway.processes import command
from tests.svc_identity.conftest import sandboxes
from tests.svc_identity.served import running_service

__all__ = ["sandboxes"]


@pytest.fixture(scope="package")
def platform(  # not for longer: it writes to the database by its name, which other tests drop and make anew
    postgres_url: str, embedded_kafka: str, sandboxes: dict[str, Sandbox], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    folder, port = tmp_path_factory.mktemp("platform"), free_port()
    public_url = f"http://{LOOPBACK}:{port}"
    with running_service(postgres_url, embedded_kafka, sandboxes, folder, public_url) as identity:
        settings = {f"MYILI_{name}_URL": f"http://{LOOPBACK}:1" for name in ("SERVICES", "PAYMENTS", "MINIAPPS")}
        settings |= {"MYILI_IDENTITY_URL": identity.url, "MYILI_PUBLIC_URL": public_url}
        settings["MYILI_JWKS_URL"] = f"{identity.url}/identity/v1/oauth/jwks"
        gateway = Program("gateway", command(port), public_url, lambda: accepts_connections(port), settings)
        with running(gateway, folder / "gateway.log"):
            yield Platform(public_url, identity.sms)


@pytest_asyncio.fixture
async def database(platform: Platform, postgres_url: str) -> AsyncIterator[Database]:
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database="myili_identity")
    database = Database(url)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def browser(platform: Platform) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as browser:
        yield browser


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the clients in JavaScript, with what they are made of; skips, plainly, where it cannot be."""
    absent = npm.missing() or ([] if clients.install() else ["the npm packages"])
    if absent:
        if os.environ.get("CI"):
            pytest.fail(f"not here: {' and '.join(absent)}")
        pytest.skip(f"the independent clients need {' and '.join(absent)}")
    folder = tmp_path_factory.mktemp("clients")
    for script in clients.SCRIPTS.iterdir():
        shutil.copy(script, folder)
    (folder / "node_modules").symlink_to(clients.TOOLS / "node_modules")
    return folder
