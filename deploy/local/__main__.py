"""The embedded run, until Ctrl-C: `python -m deploy.local run`.

`python -m deploy.local with-postgres COMMAND...` runs a command beside a new, empty PostgreSQL, with the settings of
all services in its environment.

`python -m deploy.local verify-ledger` proves the books of the running platform, with the three settings of an auditor.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deploy.local import settings
from deploy.local.errors import CannotStart
from deploy.local.keys import keys_in
from deploy.local.plan import SECRETS, Plan
from deploy.local.platform import local_platform, running_platform
from deploy.local.postgres import running_postgres
from deploy.local.screen import Screen

USAGE = "usage: python -m deploy.local run | with-postgres COMMAND... | verify-ledger"
VERIFY = (sys.executable, "-m", "svc_payments.ledger", "verify")


def main(arguments: Sequence[str]) -> int:
    try:
        match list(arguments):
            case ["run"]:
                return _run()
            case ["with-postgres", *command] if command:
                return _with_postgres(command)
            case ["verify-ledger"]:
                return _verify_ledger()
    except CannotStart as refusal:
        print(refusal, file=sys.stderr)
        return 2
    print(USAGE, file=sys.stderr)
    return 2


def _run() -> int:
    chosen = settings.load()
    screen = Screen()
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_run_until_stopped(chosen, screen))
    screen.say("Everything that was started here has stopped.")
    return 0


async def _run_until_stopped(chosen: settings.LocalSettings, screen: Screen) -> None:
    _cancel_on_signals()
    async with local_platform(chosen.data, chosen.port, given=settings.given(), say=screen.say) as platform:
        screen.show(platform, chosen)
        await asyncio.Event().wait()


def _cancel_on_signals() -> None:
    """Shut down cleanly on Ctrl-C, SIGTERM and a closed terminal; later signals are ignored, as shutdown is bounded."""
    loop = asyncio.get_running_loop()
    run = asyncio.current_task()
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop() -> None:
        for number in signals:
            loop.add_signal_handler(number, lambda: None)
        if run:
            run.cancel()

    for number in signals:
        loop.add_signal_handler(number, stop)


def _verify_ledger() -> int:
    data = settings.load().data
    platform = running_platform(data)
    if platform is None:
        raise CannotStart(f"No platform runs on {data}; start it with `make run`.")
    plan = Plan(data, settings.DEFAULT_PORT, keys_in(data), {"database_admin_url": platform.database_admin_url})
    needed = {
        "MYILI_DATABASE_URL": plan.database_url("payments"),
        "MYILI_LEDGER_ANCHORS": plan.settings["ledger_anchors"],
        "MYILI_ANCHOR_PUBLIC_KEYS": plan.settings["anchor_public_keys"],
    }
    return subprocess.run(VERIFY, check=False, env={**os.environ, **needed}).returncode  # noqa: S603 - fixed command


def _with_postgres(command: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="myili-") as folder:
        data = Path(folder)
        with running_postgres(data / "postgres", durable=False) as server:
            plan = Plan(data, settings.DEFAULT_PORT, keys_in(data), {"database_admin_url": server})
            environment = {**os.environ, **plan.environment(*SECRETS, **plan.administration)}
            return subprocess.run(command, check=False, env=environment).returncode  # noqa: S603 - the command line of the user


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
