"""A process killed within a group acknowledges and stores nothing; a redelivery captures everything."""

import asyncio
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import func, select, text

from chassis.db import Database
from chassis.testing import until
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running
from svc_payments.collection.notifications.models import Nonce
from svc_payments.collection.payments.models import Payment
from svc_payments.collection.receipts.models import Receipt
from svc_payments.ledger.models import Entry
from svc_payments.settings import Settings
from tests.svc_payments.channels.pending_payments import RawNotice, notice_of, open_payments, signed
from tests.svc_payments.collection.notifications.killable import DATABASE
from tests.svc_payments.world import NOTICES

PAYMENTS = 30
_LOCK_CHAIN = text("SELECT pg_advisory_xact_lock(hashtext('myili ledger chain'))")
_WAITING_FOR_CHAIN = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'advisory' AND query LIKE 'INSERT INTO ledger_%'
""")


def service_of(settings: Settings, database: Database) -> Program:
    """The API as a process with the settings and database of the test."""
    port = free_port()
    configured = {
        "DATABASE_URL": settings.database_url,
        "KAFKA": settings.kafka,
        "PUBLIC_URL": settings.public_url,
        "JWKS_URL": settings.jwks_url,
        "CHANNEL_URL": settings.channel_url,
        "CHANNEL_PUBLIC_KEY": settings.channel_public_key,
        "MERCHANT_KEY": settings.merchant_key,
        "PROVIDER_SIGNING_KEY": settings.provider_signing_key,
        "LEDGER_ANCHORS": settings.ledger_anchors,
    }
    shown = {
        name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in configured.items()
    }
    factory = "tests.svc_payments.collection.notifications.killable:create_app"
    return Program(
        name="svc_payments",
        command=[sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port)],
        where=f"{LOOPBACK}:{port}",
        ready=partial(accepts_connections, port),
        environment={f"MYILI_{name}": str(value) for name, value in shown.items()}
        | {DATABASE: database.engine.url.render_as_string(hide_password=False)},
    )


async def send(where: str, messages: Sequence[RawNotice]) -> list[int | BaseException]:
    """Send all messages at once and return the status or the error of each."""
    async with httpx.AsyncClient(base_url=f"http://{where}", timeout=120) as client:
        sending = (client.post(NOTICES, content=raw, headers=headers) for raw, headers in messages)
        answers = await asyncio.gather(*sending, return_exceptions=True)
    return [answer if isinstance(answer, BaseException) else answer.status_code for answer in answers]


async def counts(database: Database) -> dict[str, int]:
    async with database.read() as tx:
        captured = select(func.count()).where(Payment.captured_at.is_not(None))
        counted = {"captured": await tx.scalar(captured)}
        for model in (Entry, Receipt, Nonce):
            counted[model.__tablename__] = await tx.scalar(select(func.count()).select_from(model))
    return {name: number or 0 for name, number in counted.items()}


@pytest.mark.timeout(300)
async def test_a_group_killed_midway_is_captured_on_redelivery(
    database: Database, settings: Settings, rsa_keys: dict[str, RSAPrivateKey], tmp_path: Path
) -> None:
    payments = await open_payments(database, PAYMENTS)
    messages = [signed(rsa_keys["channel_key"], notice_of(payment)) for payment in payments]
    service = service_of(settings, database)

    async def stopped_in_the_middle() -> bool:
        async with database.read() as tx:
            return bool(await tx.scalar(_WAITING_FOR_CHAIN))

    with running(service, tmp_path / "service.log") as process:
        async with database.transaction() as holding:
            # The group has marked its bills and written its events when it blocks on this lock of the chain.
            await holding.execute(_LOCK_CHAIN)
            sending = asyncio.create_task(send(service.where, messages))
            assert await until(stopped_in_the_middle, seconds=60)
            process.kill()
            process.wait()
            answers = await sending
    assert all(isinstance(answer, httpx.TransportError) for answer in answers)
    assert set((await counts(database)).values()) == {0}
    with running(service, tmp_path / "service.log"):
        assert await send(service.where, messages) == [204] * PAYMENTS
        assert await send(service.where, messages) == [204] * PAYMENTS
    assert await counts(database) == {
        "captured": PAYMENTS,
        "ledger_entries": 2 * PAYMENTS,
        "receipts": PAYMENTS,
        "channel_nonces": PAYMENTS,
    }
