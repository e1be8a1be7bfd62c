"""Processes and the database are killed at random while people pay and money goes back; then every rule holds.

How long it goes on is `MYILI_FAULT_SECONDS` (30 in an ordinary run of the tests, so that they stay quick). The dice are
thrown from `MYILI_FAULT_SEED`, which a failure names.
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
from tests.faults.acting import FAULT_SECONDS, Client, Memory, Resident, Told
from tests.faults.holding import UNSETTLED, booked_otherwise, breaches
from tests.faults.stage import Stage, account_of, standing

DICE = int(os.environ.get("MYILI_FAULT_SEED", "20261122"))
PEOPLE = 12
BILLS_OF_ACCOUNT = 150
SETTLE_SECONDS = 120.0
PAUSE_SECONDS = 2.0
"""About how long it is from one kill to the next."""
MORTAL = ("gateway", "svc_payments", "svc_payments.worker", "sandbox_payment_channel", "provider", "postgres", "broker")
SLEEPERS = ("gateway", "svc_payments", "svc_payments.worker", "sandbox_payment_channel", "provider")
SLEEP_SECONDS = (3.0, 9.0)
"""Longer than the leases under which the worker asks and tells: who wakes up may not go on as if nothing were."""
UNDER_WAY = f"""
    SELECT EXISTS (SELECT FROM payments WHERE {UNSETTLED}) OR EXISTS (SELECT FROM outbox WHERE published_at IS NULL)
        OR EXISTS (SELECT FROM postings WHERE status = 'cancelling')
"""  # noqa: S608 - our own words
PAYMENTS_THERE = "SELECT id, captured_at IS NOT NULL AS captured FROM payments"


@pytest.mark.timeout(FAULT_SECONDS + SETTLE_SECONDS + 240)
async def test_whatever_is_killed_money_is_paid_once_and_explained(tokens: Tokens) -> None:
    # Not below pytest's own folder, as PostgreSQL may be another user.
    with TemporaryDirectory(prefix="myili-faults-") as folder:
        async with standing(Path(folder), tokens, PEOPLE) as stage, clients(stage) as (client, wallet):
            await upload_bills(stage)
            residents = [Resident(number, client, wallet, stage, thrown_from(number)) for number in range(PEOPLE)]
            killed = await pay_while_all_die(stage, residents)
            await stage.calm()
            async with stage.database() as database:
                await settled(database)
                # While all die little is booked, so that little can be given back: now it can.
                await asyncio.gather(*(resident.want_back() for resident in residents))
                await settled(database)
                async with database.read() as tx:
                    assert await breaches(tx) == {}
                    assert await booked_otherwise(tx, stage.booked()) == set()
                    assert await lost(tx, client.memory) == set()
                assert client.memory.unexpected == []
                assert await answered_otherwise(client) == []
                assert await never_published(stage, database) == set()
                proof = await asyncio.to_thread(stage.command, "svc_payments.ledger", "verify")
                assert proof.returncode == 0, proof.stdout + proof.stderr
                assert client.memory.refunds(), "nothing was given back"
    assert killed > FAULT_SECONDS / PAUSE_SECONDS / 4, "hardly anything was killed, so nothing was shown"


@contextlib.asynccontextmanager
async def clients(stage: Stage) -> AsyncIterator[tuple[Client, httpx.AsyncClient]]:
    """Somebody at the gateway, and the wallets at the channel."""
    limits = httpx.Limits(max_keepalive_connections=0)  # a connection kept from before a crash is a failure for nothing
    async with (
        httpx.AsyncClient(base_url=stage.gateway, timeout=15, limits=limits) as http,
        httpx.AsyncClient(timeout=5, limits=limits) as wallet,
    ):
        yield Client(http, Memory()), wallet


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


def thrown_from(number: int) -> random.Random:
    """Dice of somebody's own."""
    return random.Random(DICE + number)  # noqa: S311 - chance, not secrecy


async def pay_while_all_die(stage: Stage, residents: Sequence[Resident]) -> int:
    """Gives the number of processes killed."""
    over, dice = asyncio.Event(), thrown_from(-1)
    async with asyncio.TaskGroup() as acting:
        for resident in residents:
            acting.create_task(resident.pay_until(over))
        killed = 0
        end = asyncio.get_running_loop().time() + FAULT_SECONDS
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(dice.uniform(0.5, 1.5) * PAUSE_SECONDS)
            match dice.choices(("kill", "put to sleep", "cut off"), (6, 2, 2))[0]:
                case "kill":
                    await stage.again(dice.choice(MORTAL))
                    killed += 1
                case "put to sleep":
                    acting.create_task(stage.asleep(dice.choice(SLEEPERS), dice.uniform(*SLEEP_SECONDS)))
                case "cut off":
                    await stage.cut_off()
        await stage.calm()
        over.set()
    return killed


async def settled(database: Database) -> None:
    """Wait until no payment is under way any more; whatever is left then is a breach that is named below."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_SECONDS):
            under_way = True
            while under_way:
                async with database.read() as tx:
                    under_way = (await tx.scalars(text(UNDER_WAY))).one()
                await asyncio.sleep(0.5)


async def lost(tx: AsyncSession, memory: Memory) -> set[str]:
    """Payments and refunds that somebody was told of and that are not there, or payments whose money is not."""
    there = {str(row.id): row.captured for row in await tx.execute(text(PAYMENTS_THERE))}
    refunds = set(await tx.scalars(text("SELECT id::text FROM refunds")))
    missing = (set(memory.payments()) - set(there)) | (memory.refunds() - refunds)
    return missing | {payment for payment in memory.paid_at_channel if not there.get(payment)}


async def answered_otherwise(client: Client) -> list[Told]:
    """Requests that are answered differently when they are sent once more, with the same key."""
    keyed = client.memory.keyed()
    again = [await client.http.post(each.path, json=each.body, headers=each.sent_headers) for each in keyed]
    return [told for told, answer in zip(keyed, again, strict=True) if answer.json() != told.answer]


async def never_published(stage: Stage, database: Database) -> set[UUID]:
    """Events that cannot be read from the broker although it was given all again: it forgets them when it dies."""
    resent = await asyncio.to_thread(stage.command, "chassis.outbox", "resend", "svc_payments")
    assert resent.returncode == 0, resent.stderr
    await settled(database)
    async with database.read() as tx:
        rows = (await tx.execute(text("SELECT id, topic FROM outbox"))).all()
    missing = {row.id for row in rows}
    topics = {row.topic for row in rows}
    consumer = aiokafka.AIOKafkaConsumer(*topics, bootstrap_servers=stage.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        while missing and (batch := await consumer.getmany(timeout_ms=10_000)):
            missing -= {UUID(json.loads(record.value)["id"]) for records in batch.values() for record in records}
    finally:
        await consumer.stop()
    return missing
