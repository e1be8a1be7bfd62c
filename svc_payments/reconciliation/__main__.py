"""`python -m svc_payments.reconciliation run --day 2026-01-31 --channel sandbox`: one day, with its progress shown."""

import argparse
import asyncio
import sys
import time
from datetime import date
from uuid import UUID

from chassis.db import Database
from chassis.http_client import NoAnswer, NotReached
from chassis.problems import Problem
from chassis.settings import load
from kit.signatures.refusals import BadSignature
from svc_payments.channels.provider import StatementChannel
from svc_payments.channels.registry import open_channels
from svc_payments.reconciliation.runs import service
from svc_payments.reconciliation.runs.models import Phase, Run
from svc_payments.reconciliation.statements import service as statements
from svc_payments.reconciliation.statements.downloads import fetch
from svc_payments.reconciliation.statements.service import Counterparty
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName

_EVERY_LINES = 50_000
_BY = "command line"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m svc_payments.reconciliation", description=__doc__)
    verb = parser.add_subparsers(required=True).add_parser("run", help="reconcile a day")
    verb.add_argument("--day", type=date.fromisoformat, required=True)
    counterparty = verb.add_mutually_exclusive_group(required=True)
    counterparty.add_argument("--channel", type=ChannelName)
    counterparty.add_argument("--provider", type=UUID)
    options = parser.parse_args(arguments)
    try:
        return asyncio.run(run(load(Settings), options.day, options.channel, options.provider))
    except Problem as refused:
        sys.stderr.write(f"{refused.render('en')['detail']}\n")
    except (NotReached, NoAnswer, BadSignature) as error:
        sys.stderr.write(f"The channel's bill could not be fetched: {error}.\n")
    return 1


async def run(settings: Settings, day: date, channel: ChannelName | None, provider_id: UUID | None) -> int:
    """Reconcile a day of a channel or of a provider; a channel's bill that is missing is fetched first."""
    counterparty = statements.of_channel(channel) if channel else statements.of_provider(provider_id or UUID(int=0))
    database = Database.of(settings)
    screen = _Screen()
    try:
        if channel:
            await _fetch_if_missing(database, settings, channel, day, screen)
        async with database.transaction() as tx:
            requested = await service.request(tx, counterparty, day, _BY)
        screen.about(counterparty, day)
        await service.carry_out(database, settings, requested.id, screen.show)
    finally:
        await database.close()
    return 0


async def _fetch_if_missing(
    database: Database, settings: Settings, name: ChannelName, day: date, screen: "_Screen"
) -> None:
    async with database.read() as tx:
        if await statements.has_bill(tx, statements.of_channel(name), day):
            return
    async with open_channels(settings) as channels:
        channel = channels.get(name)
        if isinstance(channel, StatementChannel):
            statement = await fetch(database, settings, name, channel, day, screen.count)
            screen.say(f"fetched the bill of {day}: {statement.lines:,} lines")


class _Screen:
    """One line for each step, with the seconds since the beginning."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._shown = 0

    def say(self, words: str) -> None:
        sys.stdout.write(f"{time.perf_counter() - self._began:7.1f} s  {words}\n")
        sys.stdout.flush()

    def about(self, counterparty: Counterparty, day: date) -> None:
        self.say(f"reconciling {counterparty.source} {counterparty.holder}, {day}")

    def count(self, lines: int) -> None:
        if lines - self._shown >= _EVERY_LINES:
            self._shown = lines
            self.say(f"{lines:,} lines are in")

    async def show(self, run: Run) -> None:
        self.say(_WORDS[Phase(run.phase)].format(run=run))


_WORDS = {
    Phase.MATCHING: "matching {run.lines:,} lines with the ledger",
    Phase.JUDGING: "{run.matched:,} match; looking at what did not, of {run.movements:,} movements in the ledger",
    Phase.SETTLING: "opening and closing cases",
    Phase.FINISHED: (
        "done: {run.matched:,} matched, {run.late:,} late, {run.carried_over:,} carried over, {run.excess:,} excess, "
        "{run.shortage:,} shortage, {run.amount_differs:,} other amounts, {run.state_differs:,} other states; "
        "{run.cases_opened:,} cases opened, {run.cases_resolved:,} resolved"
    ),
}

if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
