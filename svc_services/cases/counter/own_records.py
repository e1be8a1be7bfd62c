from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from kit.my_data import records
from svc_services.cases.counter.models import CounterFiling

_OF_THE_OFFICE = ("clerk_id", "code_hash", "match_number", "match_tries", "version", "touched_at")


async def of_person(tx: AsyncSession, person_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """What a person confirmed at a counter, for the file of their data."""
    mine = CounterFiling.person_id == person_id
    return {"counter_filings": await records(tx, CounterFiling, mine, without=_OF_THE_OFFICE)}
