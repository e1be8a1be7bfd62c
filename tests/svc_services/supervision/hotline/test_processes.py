"""The worker as a process, which is killed while the hotline thinks, and the broker that hears of each step."""

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from uuid import UUID

import aiokafka
import httpx
import pytest
import pytest_asyncio
from sqlalchemy import make_url

from chassis.db import Database
from chassis.testing import PUBLIC_URL, Tokens
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running
from svc_services.starter import load_reference_data
from tests.anchor_keys import anchor_key
from tests.databases import upgrade_in_thread
from tests.svc_services.supervision.complaints.filed import COMPLAINTS, CONTACT, WORDS, filed
from tests.svc_services.supervision.hotline.double import HotlineDouble, Ticket
from tests.svc_services.supervision.hotline.handed import due_again, handed
from tests.svc_services.supervision.scenes import done

_TOPIC = "ili.services.complaint.v1"


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """The one that a process of the service uses, under its own name."""
    url = make_url(postgres_url).set(database="myili_services")
    database = Database(upgrade_in_thread("svc_services", url))
    await load_reference_data(database)
    yield database
    await database.close()


@pytest.fixture
def worker(
    database: Database, embedded_kafka: str, surroundings: dict[str, str], hotline: HotlineDouble, tmp_path: Path
) -> Program:
    port = free_port()
    values = {
        "database_url": database.engine.url.set(database=None).render_as_string(hide_password=False),
        "kafka": embedded_kafka,
        "public_url": PUBLIC_URL,
        "worker_port": str(port),
        "anchors": (tmp_path / "anchors").as_uri(),
        "anchor_key": anchor_key().get_secret_value(),
        "hotline_url": hotline.url,
        **surroundings,
    }
    environment = {f"MYILI_{name.upper()}": value for name, value in values.items()}
    command = [sys.executable, "-m", "svc_services.worker"]
    return Program("worker", command, LOOPBACK, partial(_is_ready, port), environment)


def _is_ready(port: int) -> bool:
    return accepts_connections(port) and httpx.get(f"http://{LOOPBACK}:{port}/readyz").is_success


async def _actions(embedded_kafka: str, complaint_id: str, last: str) -> list[str]:
    consumer = aiokafka.AIOKafkaConsumer(_TOPIC, bootstrap_servers=embedded_kafka, auto_offset_reset="earliest")
    await consumer.start()
    heard: list[str] = []
    try:
        while last not in heard:
            event = json.loads((await consumer.getone()).value)
            if event["subject"] == complaint_id:
                assert WORDS not in str(event)
                assert CONTACT["phone"] not in str(event)
                heard.append(event["data"]["action"])
    finally:
        await consumer.stop()
    return heard


async def _number(api: httpx.AsyncClient, headers: dict[str, str], path: str) -> str:
    """Our number, as soon as the hotline has answered with its own."""
    while True:
        shown = (await api.get(path, headers=headers)).json()
        if shown["hotline_number"]:
            assert shown["hotline_number"] == f"YL-{shown['number']}"
            return str(shown["number"])
        await asyncio.sleep(0.2)


async def test_a_worker_killed_during_the_call_tells_it_again_after_the_restart(  # noqa: PLR0913, PLR0917 - fixtures
    api: httpx.AsyncClient,
    tokens: Tokens,
    database: Database,
    provider_id: UUID,
    person_id: UUID,
    hotline: HotlineDouble,
    worker: Program,
    embedded_kafka: str,
    tmp_path: Path,
) -> None:
    called, let_go = threading.Event(), threading.Event()

    def stall(handler: BaseHTTPRequestHandler, content: Ticket) -> None:
        called.set()
        let_go.wait(30)
        hotline.usual(handler, content)

    hotline.answer = stall
    complaint_id = await filed(api, tokens, provider_id, person_id, contact=CONTACT)
    mine = f"{COMPLAINTS}/{complaint_id}"
    await handed(api, tokens, complaint_id, person_id)
    with running(worker, tmp_path / "worker.log") as process:
        assert await asyncio.to_thread(called.wait, 30)
        await asyncio.to_thread(process.kill)
    let_go.set()
    assert (await api.get(mine, headers=tokens.resident(person_id))).json()["hotline_number"] is None
    hotline.answer = hotline.usual
    await due_again(database)
    with running(worker, tmp_path / "worker.log"):
        async with asyncio.timeout(60):
            number = await _number(api, tokens.resident(person_id), mine)
            await done(api, f"{mine}/withdraw", tokens.resident(person_id))
            assert await _actions(embedded_kafka, complaint_id, "withdraw") == ["file", "withdraw"]
    assert {each["number"] for each in hotline.received} == {number}
    logs = (tmp_path / "worker.log").read_text()
    for secret in (WORDS, *CONTACT.values()):
        assert secret not in logs
