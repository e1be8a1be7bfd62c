"""A proof is good once, and forgotten when no process would accept it any more."""

import asyncio
from datetime import timedelta

import time_machine
from sqlalchemy import func, select

from chassis.db import Database, now
from chassis.inbox import Consumer, inbox
from kit.dpop import replays
from kit.dpop.proofs import Proof


async def first_use(database: Database, proof: Proof) -> bool:
    async with database.transaction() as tx:
        return await replays.claim(tx, proof)


async def test_of_many_uses_at_once_one_is_the_first(database: Database) -> None:
    proof = Proof("key", "1")
    uses = await asyncio.gather(*(first_use(database, proof) for _ in range(8)))
    assert sorted(uses) == [False] * 7 + [True]
    assert await first_use(database, Proof("another key", "1"))
    assert await first_use(database, Proof("key", "\ud800"))


async def test_it_is_remembered_for_as_long_as_it_could_be_used_and_then_pruned(database: Database) -> None:
    await first_use(database, Proof("key", "1"))
    consumer = Consumer("notes", database, {"bootstrap_servers": "127.0.0.1:1"}, [])
    for seconds, left in ((125, 1), (200, 0)):
        with time_machine.travel(now() + timedelta(seconds=seconds)):
            await consumer.prune()
        async with database.read() as tx:
            assert await tx.scalar(select(func.count()).select_from(inbox)) == left
