"""Reads the security log of this process: the fixture `security_log` of tests/conftest.py."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog

Line = dict[str, Any]


class SecurityLog:
    """The lines written since they were last read, and what may be in none of them."""

    def __init__(self, stdout: StringIO) -> None:
        self._stdout = stdout
        self._read = 0
        self._private: set[str] = set()

    def lines(self) -> list[Line]:
        """The new lines."""
        written = self._stdout.getvalue()
        new, self._read = written[self._read :], len(written)
        lines = [json.loads(line) for line in new.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == "security"]

    def one(self) -> Line:
        """The only new line."""
        lines = self.lines()
        assert len(lines) == 1, lines
        return lines[0]

    def kinds(self) -> list[tuple[str, str]]:
        return [(line["kind"], line["reason"]) for line in self.lines()]

    def forget(self) -> None:
        """Skip what was written while a test prepared itself."""
        self.lines()

    def must_not_hold(self, *private: str) -> None:
        self._private |= set(private)

    def check(self) -> None:
        written = self._stdout.getvalue()
        assert [each for each in self._private if each in written] == []


@pytest.fixture
def security_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecurityLog]:
    """The security log of the test process; at the end, nothing private may be in it."""
    # Neither capsys nor another sys.stdout: the first closes standard error, which the other logs keep from their first
    # line on, and pytest replaces the second before each test.
    stdout, logger = StringIO(), structlog.PrintLogger
    monkeypatch.setattr(structlog, "PrintLogger", lambda _stdout: logger(stdout))
    log = SecurityLog(stdout)
    yield log
    log.check()
