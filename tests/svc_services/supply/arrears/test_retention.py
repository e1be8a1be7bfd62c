"""Three years after its end a notice names no account and no bill; the row stays, and the trail still verifies."""

import time
from datetime import timedelta
from pathlib import Path

import time_machine
from sqlalchemy import text

from chassis.db import Database
from kit.evidence.retention import carry_out
from svc_services.retention import RETENTION
from svc_services.trail import COMMAND
from tests.svc_services.supply.arrears.conftest import Claim
from tests.tampering.trial import Proof

YEARS_3 = timedelta(days=1095)


async def named(database: Database) -> list[tuple[str, list[str]]]:
    async with database.read() as tx:
        found = await tx.execute(text("SELECT account_number, bill_numbers FROM arrears_notices ORDER BY id"))
        return [(row[0], row[1]) for row in found]


async def test_what_was_asked_of_whom_goes_and_what_is_open_stays(
    claim: Claim, database: Database, tmp_path: Path
) -> None:
    kept = (claim.house.account, ["B1", "B2"])
    for _ in range(2):  # two that are over on one account, whose numbers become the same
        await claim.open()
        await claim.act("withdraw")
    await claim.open()
    for over, ended in ((-timedelta(days=1), kept), (timedelta(minutes=9), ("", []))):
        with time_machine.travel(time.time() + (YEARS_3 + over).total_seconds()):
            await carry_out(database, RETENTION)
            assert await named(database) == [ended, ended, kept]
    assert await Proof(COMMAND, (tmp_path / "anchors").as_uri()).findings(database) == []
