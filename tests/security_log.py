"""Reads the security log of this process: the fixture `security_log` of tests/conftest.py."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Line = dict[str, Any]


class SecurityLog:
    """The lines written since they were last read, and what may be in none of them."""

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read
        self._written = ""
        self._private: set[str] = set()

    def lines(self, *, without: tuple[str, ...] = ()) -> list[Line]:
        """The new lines, without those of some kinds."""
        written = self._read()
        self._written += written
        lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == "security" and line["kind"] not in without]

    def one(self, *, without: tuple[str, ...] = ()) -> Line:
        """The only new line."""
        lines = self.lines(without=without)
        assert len(lines) == 1, lines
        return lines[0]

    def kinds(self, *, without: tuple[str, ...] = ()) -> list[tuple[str, str]]:
        return [(line["kind"], line["reason"]) for line in self.lines(without=without)]

    def forget(self) -> None:
        """Skip what was written while a test prepared itself."""
        self.lines()

    def must_not_hold(self, *private: str) -> None:
        self._private |= set(private)

    def check(self) -> None:
        self.lines()
        assert [each for each in self._private if each in self._written] == []


@pytest.fixture
def security_log(capsys: pytest.CaptureFixture[str]) -> Iterator[SecurityLog]:
    """The security log of the test process; at the end, nothing private may be in it."""
    log = SecurityLog(lambda: capsys.readouterr().out)
    log.forget()
    yield log
    log.check()
