"""Killed in the middle of a group: nobody was told of success, nothing stays of it, and told again all is well."""

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
_STOPPED_THERE = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'advisory' AND query LIKE 'INSERT INTO ledger_%'
""")


def service_of(settings: Settings, database: Database) -> Program:
    """The API as a process, with a test's settings and database."""
    port = free_port()
    told = {
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
    shown = {name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in told.items()}
    factory = "tests.svc_payments.collection.notifications.killable:create_app"
    return Program(
        name="svc_payments",
        command=[sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port)],
        where=f"{LOOPBACK}:{port}",
        ready=partial(accepts_connections, port),
        environment={f"MYILI_{name}": str(value) for name, value in shown.items()}
        | {DATABASE: database.engine.url.render_as_string(hide_password=False)},
    )


async def tell(where: str, messages: Sequence[RawNotice]) -> list[int | BaseException]:
    """Send all at once; what each is answered with, or why it is not."""
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
async def test_killed_in_the_middle_of_a_group_and_told_again(
    database: Database, settings: Settings, rsa_keys: dict[str, RSAPrivateKey], tmp_path: Path
) -> None:
    payments = await open_payments(database, PAYMENTS)
    messages = [signed(rsa_keys["channel_key"], notice_of(payment)) for payment in payments]
    service = service_of(settings, database)

    async def stopped_in_the_middle() -> bool:
        async with database.read() as tx:
            return bool(await tx.scalar(_STOPPED_THERE))

    with running(service, tmp_path / "service.log") as process:
        async with database.transaction() as holding:
            # Bills are marked and the event is written when a group comes to the chain, which is somebody else's now.
            await holding.execute(_LOCK_CHAIN)
            telling = asyncio.create_task(tell(service.where, messages))
            assert await until(stopped_in_the_middle, seconds=60)
            process.kill()
            process.wait()
            answers = await telling
    assert all(isinstance(answer, httpx.TransportError) for answer in answers)
    assert set((await counts(database)).values()) == {0}
    with running(service, tmp_path / "service.log"):
        assert await tell(service.where, messages) == [204] * PAYMENTS
        assert await tell(service.where, messages) == [204] * PAYMENTS
    assert await counts(database) == {
        "captured": PAYMENTS,
        "ledger_entries": 2 * PAYMENTS,
        "receipts": PAYMENTS,
        "channel_nonces": PAYMENTS,
    }
