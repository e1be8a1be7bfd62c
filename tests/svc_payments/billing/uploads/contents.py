"""The file that upload tests send, and rows counted in the database."""

from typing import Any

from sqlalchemy import func, select

from chassis.db import Database
from tests.svc_payments.billing.files.files import file_of, row

CONTENT = file_of(*(row(f"W-{n}") for n in range(50)), row("伊犁", usage="x")).encode()


HALF = len(CONTENT) // 2


async def count(database: Database, table: Any) -> int:  # noqa: ANN401 - any mapped class
    async with database.read() as tx:
        return await tx.scalar(select(func.count()).select_from(table)) or 0
