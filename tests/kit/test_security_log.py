"""What a transaction does is recorded once it has committed."""

import pytest
from sqlalchemy import text

from chassis.db import Database
from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit
from tests.security_log import SecurityLog

MOVED = SecurityEvent("moved")


async def test_a_committed_transaction_is_recorded_once(database: Database, security_log: SecurityLog) -> None:
    async with database.transaction() as tx:
        await tx.execute(text("SELECT 1"))
        record_on_commit(tx, MOVED, "by_hand", thing_id=7)
        assert security_log.lines() == []
    line = security_log.one()
    assert (line["kind"], line["reason"], line["thing_id"]) == ("moved", "by_hand", "7")


async def test_what_is_rolled_back_is_not_recorded(database: Database, security_log: SecurityLog) -> None:
    async def fail() -> None:
        async with database.transaction() as tx:
            await tx.execute(text("SELECT 1"))
            record_on_commit(tx, MOVED)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert security_log.lines() == []


async def test_two_events_of_one_transaction_are_two_lines_in_order(
    database: Database, security_log: SecurityLog
) -> None:
    async with database.transaction() as tx:
        await tx.execute(text("SELECT 1"))
        for reason in ("first", "second"):
            record_on_commit(tx, MOVED, reason)
    assert security_log.kinds() == [("moved", "first"), ("moved", "second")]


async def test_a_savepoint_is_no_commit(database: Database, security_log: SecurityLog) -> None:
    async with database.transaction() as tx:
        async with tx.begin_nested():
            record_on_commit(tx, MOVED)
        assert security_log.lines() == []
    assert security_log.kinds() == [("moved", "")]
