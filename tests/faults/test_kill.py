"""Processes and the database are killed at random during payments and refunds; afterwards every invariant holds.

`MYILI_FAULT_SECONDS` sets the duration (30 by default, so that an ordinary run of the tests stays quick), and
`MYILI_FAULT_SEED` the seed of the random choices.
"""

import asyncio
import contextlib
import json
import os
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import aiokafka
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.testing import Tokens
from tests.faults.clients import FAULT_SECONDS, Client, Exchange, History, Resident
from tests.faults.invariants import UNSETTLED, booking_differences, breaches
from tests.faults.stage import Stage, account_of, running_stage

DICE = int(os.environ.get("MYILI_FAULT_SEED", "20261122"))
PEOPLE = 12
BILLS_OF_ACCOUNT = 150
SETTLE_SECONDS = 120.0
PAUSE_SECONDS = 2.0
"""Mean time between two faults."""
MORTAL = ("gateway", "svc_payments", "svc_payments.worker", "sandbox_payment_channel", "provider", "postgres", "broker")
SLEEPERS = ("gateway", "svc_payments", "svc_payments.worker", "sandbox_payment_channel", "provider")
SLEEP_SECONDS = (3.0, 9.0)
"""Longer than the worker's leases: a worker that wakes up has lost its claims and must notice."""
IN_PROGRESS = f"""
    SELECT EXISTS (SELECT FROM payments WHERE {UNSETTLED}) OR EXISTS (SELECT FROM outbox WHERE published_at IS NULL)
        OR EXISTS (SELECT FROM postings WHERE status = 'cancelling')
"""  # noqa: S608 - our own words
STORED_PAYMENTS = "SELECT id, captured_at IS NOT NULL AS captured FROM payments"


@pytest.mark.timeout(FAULT_SECONDS + SETTLE_SECONDS + 240)
async def test_whatever_is_killed_money_is_paid_once_and_explained(tokens: Tokens) -> None:
    # Not below pytest's own folder, as PostgreSQL may be another user.
    with TemporaryDirectory(prefix="myili-faults-") as folder:
        async with running_stage(Path(folder), tokens, PEOPLE) as stage, clients(stage) as (client, wallet):
            await upload_bills(stage)
            residents = [Resident(number, client, wallet, stage, random_for(number)) for number in range(PEOPLE)]
            killed = await pay_during_faults(stage, residents)
            await stage.restore()
            async with stage.database() as database:
                await settled(database)
                # During the faults few payments are booked, so few can be refunded; request refunds again now.
                await asyncio.gather(*(resident.request_refund() for resident in residents))
                await settled(database)
                async with database.read() as tx:
                    assert await breaches(tx) == {}
                    assert await booking_differences(tx, stage.booked()) == set()
                    assert await lost(tx, client.history) == set()
                assert client.history.unexpected == []
                assert await changed_answers(client) == []
                assert await unpublished(stage, database) == set()
                proof = await asyncio.to_thread(stage.command, "svc_payments.ledger", "verify")
                assert proof.returncode == 0, proof.stdout + proof.stderr
                assert client.history.refunds(), "nothing was refunded"
    assert killed > FAULT_SECONDS / PAUSE_SECONDS / 4, "too few processes were killed for the test to mean anything"


@contextlib.asynccontextmanager
async def clients(stage: Stage) -> AsyncIterator[tuple[Client, httpx.AsyncClient]]:
    """A client of the gateway, and one of the channel's cashier."""
    limits = httpx.Limits(max_keepalive_connections=0)  # a connection kept from before a crash would fail
    async with (
        httpx.AsyncClient(base_url=stage.gateway, timeout=15, limits=limits) as http,
        httpx.AsyncClient(timeout=5, limits=limits) as wallet,
    ):
        yield Client(http, History()), wallet


async def upload_bills(stage: Stage) -> None:
    rows = [
        f"F-{account}-{number},{account},2026-09,12,{10 + number}.07,2026-10-25,,"
        for account in sorted({account_of(number) for number in range(PEOPLE)})
        for number in range(BILLS_OF_ACCOUNT)
    ]
    file = "\n".join(["bill_number,account_number,period,usage,amount,due_date,meter_from,meter_to", *rows])
    async with httpx.AsyncClient(base_url=stage.gateway, timeout=60) as http:
        headers = {**stage.provider(), "Content-Type": "text/csv"}
        answer = await http.put("/payments/v1/bill-files/month.csv", content=file.encode(), headers=headers)
    assert answer.json()["accepted"] == len(rows), answer.text


def random_for(number: int) -> random.Random:
    return random.Random(DICE + number)  # noqa: S311 - chance, not secrecy


async def pay_during_faults(stage: Stage, residents: Sequence[Resident]) -> int:
    """Return the number of processes killed."""
    stop, dice = asyncio.Event(), random_for(-1)
    async with asyncio.TaskGroup() as tasks:
        for resident in residents:
            tasks.create_task(resident.pay_until(stop))
        killed = 0
        end = asyncio.get_running_loop().time() + FAULT_SECONDS
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(dice.uniform(0.5, 1.5) * PAUSE_SECONDS)
            match dice.choices(("kill", "suspend", "drop connections"), (6, 2, 2))[0]:
                case "kill":
                    await stage.restart(dice.choice(MORTAL))
                    killed += 1
                case "suspend":
                    tasks.create_task(stage.suspend(dice.choice(SLEEPERS), dice.uniform(*SLEEP_SECONDS)))
                case "drop connections":
                    await stage.drop_connections()
        await stage.restore()
        stop.set()
    return killed


async def settled(database: Database) -> None:
    """Wait until no payment is in progress; `breaches` names those that are left at the timeout."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_SECONDS):
            in_progress = True
            while in_progress:
                async with database.read() as tx:
                    in_progress = (await tx.scalars(text(IN_PROGRESS))).one()
                await asyncio.sleep(0.5)


async def lost(tx: AsyncSession, history: History) -> set[str]:
    """Acknowledged payments and refunds that the database lacks, and payments paid at the channel but not captured."""
    stored = {str(row.id): row.captured for row in await tx.execute(text(STORED_PAYMENTS))}
    refunds = set(await tx.scalars(text("SELECT id::text FROM refunds")))
    missing = (set(history.payments()) - set(stored)) | (history.refunds() - refunds)
    return missing | {payment for payment in history.paid_at_channel if not stored.get(payment)}


async def changed_answers(client: Client) -> list[Exchange]:
    """Requests that get another answer when they are replayed with the same key."""
    replayable = client.history.replayable()
    again = [await client.http.post(each.path, json=each.body, headers=each.sent_headers) for each in replayable]
    return [each for each, answer in zip(replayable, again, strict=True) if answer.json() != each.answer]


async def unpublished(stage: Stage, database: Database) -> set[str]:
    """Topic and id of events that the broker has not after a resend of all; a killed one loses what it had."""
    resent = await asyncio.to_thread(stage.command, "chassis.outbox", "resend", "svc_payments")
    assert resent.returncode == 0, resent.stderr
    await settled(database)
    async with database.read() as tx:
        topics = {row.id: row.topic for row in await tx.execute(text("SELECT id, topic FROM outbox"))}
    missing = set(topics)
    consumer = aiokafka.AIOKafkaConsumer(
        *set(topics.values()), bootstrap_servers=stage.kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        # Not until the first silence: on a busy machine the broker may be quiet for longer before its last answer.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while missing:
                    batch = await consumer.getmany(timeout_ms=1_000)
                    missing -= {UUID(json.loads(each.value)["id"]) for records in batch.values() for each in records}
    finally:
        await consumer.stop()
    return {f"{topics[each]} {each}" for each in missing}
