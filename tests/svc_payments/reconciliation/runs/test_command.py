"""`python -m svc_payments.reconciliation run`: what somebody at a terminal sees."""

import asyncio

import pytest

from chassis.db import Database
from svc_payments.reconciliation import __main__ as command
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.reconciliation.runs.books import DAY, bill, capture, paid, take_in


async def test_progress_is_shown_step_by_step(
    database: Database, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    known = paid()
    async with database.transaction() as tx:
        await capture(tx, known)
    await take_in(database, bill(known, paid()))
    assert await command.run(settings, DAY, ChannelName.SANDBOX, None) == 0
    shown = [line.split(" s  ")[1] for line in capsys.readouterr().out.splitlines()]
    assert shown[0].startswith("reconciling channel sandbox")
    assert shown[1] == "matching 2 lines with the ledger"
    assert shown[-1].startswith("done: 1 matched, 0 late, 0 carried over, 1 excess")


async def test_a_bill_that_cannot_be_had_is_said_in_a_sentence(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "load", lambda _: settings)
    # In a thread of its own: the command runs an event loop itself, as this test does.
    asked = ["run", "--day", "2026-01-31", "--channel", "sandbox"]
    assert await asyncio.to_thread(command.main, asked) == 1
    assert "could not be fetched" in capsys.readouterr().err
