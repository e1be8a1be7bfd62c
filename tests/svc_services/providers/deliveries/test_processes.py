"""The worker and the reference provider as processes that are killed in the middle."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import URL, make_url

from chassis.db import Database
from chassis.testing import PUBLIC_URL, Tokens, client_of, until
from deploy.local.programs import LOOPBACK, Program, free_port, running
from kit.endpoint_urls import Endpoints
from svc_services.app import create_app
from svc_services.providers.deliveries.sender import Sender
from svc_services.settings import Settings
from svc_services.starter import load_reference_data
from tests.anchor_keys import anchor_key
from tests.contracts.reference_provider.processes import Platform, Provider
from tests.databases import upgrade_in_thread
from tests.service_settings import settings_at
from tests.svc_services.companies import ProviderSystem, approved
from tests.svc_services.providers.deliveries.sink import RECEIVED, Held, Receiver, receiver
from tests.svc_services.providers.own_company.test_own_company import linked
from tests.svc_services.test_processes import is_ready


@pytest.fixture(scope="module")
def role(postgres_url: str) -> URL:
    """The database that a process finds by the name that settings give it."""
    return upgrade_in_thread("svc_services", make_url(postgres_url).set(database="myili_services"))


@pytest.fixture
def worker(role: URL, embedded_kafka: str, surroundings: dict[str, str], tmp_path: Path) -> Program:
    values = {
        "database_url": role.set(database=None).render_as_string(hide_password=False),
        "kafka": embedded_kafka,
        "public_url": PUBLIC_URL,
        "worker_port": str(port := free_port()),
        "anchors": (tmp_path / "anchors").as_uri(),
        "anchor_key": anchor_key().get_secret_value(),
        **surroundings,
    }
    environment = {f"MYILI_{name.upper()}": value for name, value in values.items()}
    command, url = [sys.executable, "-m", "svc_services.worker"], f"http://{LOOPBACK}:{port}"
    return Program("worker", command, url, partial(is_ready, port), environment, stop_signal=signal.SIGKILL)


@pytest_asyncio.fixture
async def company_of_worker(
    role: URL, tokens: Tokens, surroundings: dict[str, str], provider_system: ProviderSystem, signing_key: RSAPrivateKey
) -> AsyncIterator[Receiver]:
    database = Database(role)
    await load_reference_data(database)
    async with client_of(create_app(settings_at(Settings, role, tokens, **surroundings))) as api:
        yield await receiver(api, tokens, database, provider_system, signing_key)
    await database.close()


async def test_a_killed_worker_loses_nothing_and_keeps_the_order(
    company_of_worker: Receiver, worker: Program, tmp_path: Path
) -> None:
    company = company_of_worker
    company.system.answer = held = Held()
    subject = await company.tell(version=1)
    await company.tell(subject, version=2)
    with running(worker, tmp_path / "first.log"):
        assert await asyncio.to_thread(held.begun.wait, 30)
    held.go.set()
    company.system.answer = RECEIVED
    await company.let_pass(company.sender.lease_time)
    with running(worker, tmp_path / "second.log"):
        await until(company.all_received, seconds=30)
    assert company.told() == [(subject, 1), (subject, 1), (subject, 2)]
    first, second, _ = company.system.requests
    assert first.json["delivery_id"] == second.json["delivery_id"]


@pytest.fixture
def platform() -> Iterator[Platform]:
    with Platform().running() as platform:
        yield platform


async def test_the_reference_provider_is_killed_in_the_middle_and_has_each_once(
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    platform: Platform,
    provider_system: ProviderSystem,
    tmp_path: Path,
) -> None:
    provider = Provider(platform.url, tmp_path, provider_id="")
    provider_id = await approved(api, tokens, endpoint_url=provider.url)
    provider.register(provider_id)
    sender = Sender(database, platform.keys["services"][-1], Endpoints(anywhere=True))
    company = Receiver(api, tokens, database, provider_system, sender, provider_id)
    await linked(database, provider_id, company.organisation_id)
    subject = await company.tell(version=1)
    with provider.running() as client:
        await company.send()
        assert [each["details"] for each in deliveries(client)] == [{"version": 1}]
    await company.tell(subject, version=2)
    await company.tell(subject, version=3)
    await company.send()
    with provider.running() as client:
        await company.let_pass(timedelta(seconds=10))
        await company.send()
        assert [each["details"]["version"] for each in deliveries(client)] == [1, 2, 3]
        await company.repeated()
        await company.send()
        assert [each["details"]["version"] for each in deliveries(client)] == [1, 2, 3]
    assert len(await company.attempts()) == 7


def deliveries(client: httpx.Client) -> list[dict[str, Any]]:
    """Those that the company has, in the order in which they came."""
    newest: list[dict[str, Any]] = client.get("/books").json()["deliveries"]
    return newest[::-1]
