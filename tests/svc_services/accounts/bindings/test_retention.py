"""The number of an account that was bound long ago goes; the row stays, and the trail still verifies."""

import time
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
import time_machine
from sqlalchemy import text

from chassis.db import Database, new_id
from chassis.testing import Tokens
from kit.evidence.retention import carry_out
from svc_services.retention import RETENTION
from svc_services.trail import COMMAND
from tests.svc_services.companies import BINDINGS
from tests.svc_services.trail_scenes import ACCOUNT, bind
from tests.tampering.trial import Proof

YEARS_3 = timedelta(days=1095)


async def numbers(database: Database) -> list[str]:
    async with database.read() as tx:
        return [*await tx.scalars(text("SELECT account_number FROM account_bindings ORDER BY account_number"))]


async def test_the_number_goes_three_years_after_the_end_and_not_before(
    database: Database, api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, tmp_path: Path
) -> None:
    person = new_id()
    bound = await bind(api, tokens, provider_id, ACCOUNT, person)
    assert bound.status_code == 201, bound.text
    with time_machine.travel(time.time() + 10 * YEARS_3.total_seconds()):
        await carry_out(database, RETENTION)
        assert await numbers(database) == [ACCOUNT]  # it is in force
    path = f"{BINDINGS}/{bound.json()['binding_id']}"
    assert (await api.delete(path, headers=tokens.resident(person))).status_code == 204
    for over, left in ((-timedelta(days=1), [ACCOUNT]), (timedelta(minutes=1), [""]), (timedelta(days=9), [""])):
        with time_machine.travel(time.time() + (YEARS_3 + over).total_seconds()):
            await carry_out(database, RETENTION)
            assert await numbers(database) == left
    assert await Proof(COMMAND, (tmp_path / "anchors").as_uri()).findings(database) == []
