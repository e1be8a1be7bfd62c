"""The database as every service uses it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.db import Database


async def test_a_failing_statement_does_not_tell_its_parameters(database: Database) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with database.read() as tx:
            await tx.execute(text("SELECT CAST(:name AS text), 1 / 0"), {"name": "测试居民"})
    assert "测试居民" not in str(failed.value)
    assert "division by zero" in str(failed.value)
