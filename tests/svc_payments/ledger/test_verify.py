"""`verify` as its user runs it: its verdict is its exit code."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from chassis.db import Database, new_id
from kit.audit.command import RIGHT, UNKNOWN, WRONG
from kit.environment import environment
from svc_payments.ledger import lines, proof
from svc_payments.ledger.__main__ import COMMAND
from svc_payments.ledger.anchors import anchoring
from svc_payments.ledger.checks import Check
from svc_payments.ledger.derivations import CHECKS
from svc_payments.settings.ledger import LedgerSettings
from tests.anchor_keys import anchor_key, anchor_public_keys
from tests.svc_payments.ledger.test_proof import settle, without_triggers
from tests.svc_payments.world import World

END = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.fixture(autouse=True)
def _settings(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    url = database.engine.url
    # Databases of tests have names of their own.
    monkeypatch.setattr(LedgerSettings, "database_of", lambda *_: url)
    server = url.set(drivername="postgresql", database="").render_as_string(hide_password=False)
    anchors = (tmp_path / "anchors").as_uri()
    with environment(database_url=server, ledger_anchors=anchors, anchor_public_keys=anchor_public_keys()):
        yield


async def verified() -> int:
    return await asyncio.to_thread(COMMAND.main, ["verify"])


async def test_it_is_right_while_nothing_was_changed(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.captured(new_id())
    await anchoring((tmp_path / "anchors").as_uri(), anchor_key()).anchor(world.database)
    assert await verified() == RIGHT
    assert (
        capsys.readouterr().out == "The trail of payments is right: 0 findings; 0 links of audit, 1 links of ledger.\n"
    )


async def test_each_finding_is_a_line(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    await settle(database, 100)
    async with without_triggers(database) as tx:
        await tx.execute(text("UPDATE ledger_entries SET amount_fen = amount_fen * 2"))
    assert await verified() == WRONG
    *found, verdict = capsys.readouterr().out.splitlines()
    assert found[0].startswith("Link 1 does not hold what was sealed")
    assert verdict.startswith(f"The trail of payments is WRONG: {len(found)} findings;")


@pytest.mark.parametrize("where", ["a check", "a copy"])
async def test_it_does_not_know_when_the_database_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    await settle(database, 100)
    if where == "a check":
        monkeypatch.setattr(proof, "CHECKS", (Check("{pg_terminate_backend}", END), *CHECKS))
    else:
        monkeypatch.setattr(lines, "_ENTRIES", END)
    assert await verified() == UNKNOWN
    assert capsys.readouterr().err.startswith("verify could not be done: ")
