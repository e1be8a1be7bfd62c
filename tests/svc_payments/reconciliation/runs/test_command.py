"""The output of `python -m svc_payments.reconciliation run`."""

import asyncio

import pytest

from chassis.db import Database
from svc_payments.reconciliation import __main__ as command
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.reconciliation.runs.books import DAY, capture, ingest, sample_payment, statement_of


async def test_progress_is_shown_step_by_step(
    database: Database, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    known = sample_payment()
    async with database.transaction() as tx:
        await capture(tx, known)
    await ingest(database, statement_of(known, sample_payment()))
    assert await command.run(settings, DAY, ChannelName.SANDBOX, None) == 0
    shown = [line.split(" s  ")[1] for line in capsys.readouterr().out.splitlines()]
    assert shown[0].startswith("reconciling channel sandbox")
    assert shown[1] == "matching 2 lines with the ledger"
    assert shown[-1].startswith("done: 1 matched, 0 late, 0 carried over, 1 excess")


async def test_an_unavailable_statement_is_reported_in_one_sentence(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "load", lambda _: settings)
    # In a thread: the command starts an event loop of its own.
    arguments = ["run", "--day", "2026-01-31", "--channel", "sandbox"]
    assert await asyncio.to_thread(command.main, arguments) == 1
    assert "could not be fetched" in capsys.readouterr().err
