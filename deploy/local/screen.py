"""The terminal's output: progress, one table, and later every failure."""

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.local.plan import PORT_OFFSETS
from deploy.local.platform import LocalPlatform
from deploy.local.settings import LocalSettings


class Screen:
    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._began = time.monotonic()

    def say(self, sentence: str) -> None:
        self._console.print(f"[dim]{self._seconds():6.1f} s[/dim]  {escape(sentence)}", soft_wrap=True)

    def show(self, platform: LocalPlatform, settings: LocalSettings) -> None:
        table = Table(title=f"我的伊犁 My Ili is ready after {self._seconds():.1f} s", title_justify="left")
        table.add_column("what")
        table.add_column("where")
        table.add_column("state")
        table.add_column("process", justify="right")
        for row in sorted(_rows(platform), key=lambda row: list(PORT_OFFSETS).index(row[0])):
            table.add_row(*row)
        self._console.print(table)
        for what, where in _hints(platform, settings):
            self._console.print(f" [bold]{what:<16}[/bold]{escape(where)}", soft_wrap=True)

    def _seconds(self) -> float:
        return time.monotonic() - self._began


def _rows(platform: LocalPlatform) -> Iterator[tuple[str, str, str, str]]:
    ours = {kept.program.name: kept for kept in platform.programs}
    for name, kept in ours.items():
        yield name, kept.program.where, kept.state, str(platform.pid_of(name))
    if "postgres" not in ours:
        server = urlsplit(platform.database_admin_url)
        yield "postgres", f"{server.hostname}:{server.port or 5432}", "yours", "-"
    if "broker" not in ours:
        yield "broker", platform.kafka, "yours", "-"


def _hints(platform: LocalPlatform, settings: LocalSettings) -> Iterator[tuple[str, str]]:
    yield "Gateway", platform.public_url
    yield "API documents", f"{platform.public_url}/docs"
    yield (
        "Two operators",
        f"phones {platform.operator_phone} and {platform.second_operator_phone}, client myili-staff; sign-in codes:",
    )
    yield "", f"{platform.sms_url}/messages?phone={platform.operator_phone}"
    keys = f"{platform.operator_authenticator} and {platform.second_operator_authenticator}"
    yield "", f"Keys of their authenticator apps, whose code comes after the one of the SMS: {keys}"
    yield "", "Both prove an identity first (POST /identity/v1/me/proofing); any valid ID number will do here."
    yield "", "Second persons act at once here; elsewhere a day after they got the role (MYILI_COOLING_OFF_HOURS)."
    yield "Data and logs", f"{settings.data}, {settings.data / 'logs'}"
    yield "Stop", "Ctrl-C stops every process in this table and nothing else"
