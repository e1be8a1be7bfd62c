"""The worker as a real process: it polls, delivers, and publishes to Kafka."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import aiokafka
import pytest_asyncio
from pydantic import SecretStr
from sqlalchemy import make_url, update

from chassis.db import Database, new_id, now
from chassis.testing import until
from deploy.local.programs import Program, accepts_connections, free_port, running
from svc_payments.collection.payments.models import Attempt, Payment
from tests.anchor_keys import anchor_key
from tests.databases import upgrade_in_thread
from tests.svc_payments.world import World


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    """The database name that the worker expects on its server."""
    url = make_url(postgres_url).set(drivername="postgresql+asyncpg", database="myili_payments")
    database = Database(upgrade_in_thread("svc_payments", url))
    yield database
    await database.close()


def worker(world: World, kafka: str) -> Program:
    port = free_port()
    values = {
        "database_url": world.settings.database_url.get_secret_value(),
        "kafka": kafka,
        "worker_port": port,
        "provider_endpoints": "any",
        "anchor_key": anchor_key().get_secret_value(),
    }
    keys = ("database_url", "channel_public_key", "merchant_key", "provider_signing_key")
    for name in ("public_url", "jwks_url", "channel_url", "ledger_anchors", *keys):
        value = getattr(world.settings, name)
        values[name] = value.get_secret_value() if isinstance(value, SecretStr) else value
    return Program(
        name="worker",
        command=[sys.executable, "-m", "svc_payments.worker"],
        where="",
        ready=lambda: accepts_connections(port),
        environment={f"MYILI_{name.upper()}": str(value) for name, value in values.items()},
    )


async def trail_on_kafka(kafka: str, payment_id: str, length: int) -> list[str]:
    """The events of a payment in the order an independent consumer reads them."""
    consumer = aiokafka.AIOKafkaConsumer(
        "ili.payments.payment.v1", bootstrap_servers=kafka, auto_offset_reset="earliest", group_id=None
    )
    await consumer.start()
    trail: list[str] = []
    try:
        async with asyncio.timeout(20):
            async for record in consumer:
                event = json.loads(record.value)
                assert record.key.decode() == event["subject"]
                trail += [event["type"].split(".")[-2]] if event["subject"] == payment_id else []
                if len(trail) == length:
                    break
    finally:
        await consumer.stop()
    return trail


async def test_the_worker_polls_delivers_and_publishes(world: World, embedded_kafka: str, tmp_path: Path) -> None:
    person = new_id()
    forgotten, missed = await world.created(person), await world.confirmed(person)
    await world.faults(drop_notices=1_000)
    await world.pay(missed)
    async with world.database.transaction() as tx:
        await tx.execute(update(Attempt).values(ask_at=now()))
        await tx.execute(update(Payment).where(Payment.id == UUID(forgotten)).values(expires_at=now()))

    async def both_ended() -> bool:
        return [await world.status(person, each) for each in (missed, forgotten)] == ["completed", "expired"]

    with running(worker(world, embedded_kafka), tmp_path / "worker.log"):
        await until(both_ended, seconds=30)
        trail = await trail_on_kafka(embedded_kafka, missed, 4)
    assert trail == ["created", "pending", "captured", "completed"]
    assert len(world.company.booked()) == 1
