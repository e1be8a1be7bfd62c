"""A reader who follows guides literally: a shell in an otherwise empty folder, and the result of each command."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.guides.contracts import operation_of
from tests.guides.markdown import ROOT, Answer, Step, steps, without_comments

MARK = "this-command-has-ended"
PATIENCE = 180.0
SHARED = ("contracts", "docs", "deploy", "chassis", "kit", "svc_payments")


@dataclass(frozen=True)
class Call:
    method: str
    url: str
    status: int


@dataclass
class Reader:
    """One terminal. Its variables last from guide to guide, as they do for a person."""

    shell: subprocess.Popen[str]
    gateway: str
    executed: set[tuple[str, str]] = field(default_factory=set)
    _seen: int = 0

    def follow(self, name: str, language: str) -> None:
        for step in steps(name, language):
            self._run(step)

    def _run(self, step: Step) -> None:
        shown, failed, kept = self._type(step.commands)
        assert not failed, f"{step.where}: a command failed.\n{shown}"
        calls = self._calls(kept) if kept else []
        assert len(calls) >= step.requests, f"{step.where}: shows {step.requests} requests, sent {len(calls)}.\n{shown}"
        for call in calls:
            self._record(step, call)
        if step.answer:
            assert calls, f"{step.where}: an answer is shown, and nothing was sent.\n{shown}"
            fault = fault_of(step.answer, calls[-1].status, kept)
            assert not fault, f"{step.where}: {fault}\n{shown}"
        if "follow " in without_comments(step.commands):
            return  # the refusals that another guide shows are checked where it is read itself
        final = final_calls(calls)
        for call in final[:-1] if step.answer else final:
            assert call.status < 400, f"{step.where}: {call.method} {call.url} answered {call.status}.\n{shown}"

    def _record(self, step: Step, call: Call) -> None:
        if not call.url.startswith(self.gateway):
            return
        operation = operation_of(call.method, urlsplit(call.url).path)
        assert operation, f"{step.where}: no contract has {call.method} {call.url}"
        self.executed.add(operation)

    def _type(self, commands: str) -> tuple[str, bool, str]:
        """What the terminal shows, whether a command failed, and where the last answer is kept."""
        assert self.shell.stdin
        assert self.shell.stdout
        self.shell.stdin.write(f'failed=\n{commands}\necho "{MARK} ${{failed:-no}} $ANSWER"\n')
        self.shell.stdin.flush()
        shown: list[str] = []
        with self._time_limit():
            for line in self.shell.stdout:
                if line.startswith(MARK):
                    _, failed, *kept = line.split()
                    return "".join(shown), failed != "no", kept[0] if kept else ""
                shown.append(line)
        raise AssertionError(f"The shell ended or hung.\n{commands}\n{''.join(shown)[-3000:]}")

    @contextlib.contextmanager
    def _time_limit(self) -> Iterator[None]:
        timer = threading.Timer(PATIENCE, os.killpg, (self.shell.pid, signal.SIGKILL))
        timer.start()
        yield
        timer.cancel()

    def _calls(self, kept: str) -> list[Call]:
        log = Path(f"{kept}.calls")
        lines = log.read_text("utf-8").splitlines() if log.exists() else []
        new, self._seen = lines[self._seen :], len(lines)
        return [Call(method, url, int(status)) for method, url, status in (line.split() for line in new)]


def final_calls(calls: list[Call]) -> list[Call]:
    """Without what `until_shows` repeated: of equal requests in a row only the last one has to succeed."""
    following = [*calls, Call("", "", 0)][1:]
    return [
        call
        for call, after in zip(calls, following, strict=True)
        if (call.method, call.url) != (after.method, after.url)
    ]


def fault_of(shown: Answer, status: int, kept: str) -> str:
    """How an answer differs from the one shown, or nothing."""
    if status != shown.status:
        return f"answered {status}, not {shown.status}"
    head = Path(f"{kept}.head").read_text("latin-1").lower()
    for name, value in shown.headers.items():
        if not re.search(rf"(?m)^{name}: {_pattern(value.lower())}$", head):
            return f"there is no header {name}: {value}"
    if shown.content is None:
        return ""
    return next(differences(shown.content, json.loads(Path(kept).read_bytes()), "the answer"), "")


def differences(shown: Any, actual: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """The differences of an answer from the one shown, as sentences."""
    if isinstance(shown, dict) and isinstance(actual, dict):
        for name, value in shown.items():
            if name in actual:
                yield from differences(value, actual[name], f"{where}.{name}")
            else:
                yield f"{where} has no {name}"
    elif isinstance(shown, list) and isinstance(actual, list):
        yield from _items_missing(shown, actual, where)
    elif isinstance(shown, str) and isinstance(actual, str):
        if not re.fullmatch(_pattern(shown), actual, re.DOTALL):
            yield f"{where} is {actual!r}, not {shown!r}"
    elif type(shown) is not type(actual) or shown != actual:
        yield f"{where} is {actual!r}, not {shown!r}"


def _items_missing(shown: list[Any], actual: list[Any], where: str) -> Iterator[str]:
    """A list that is shown names items that are there in this order, perhaps among others; an empty one is empty."""
    rest = iter(actual)
    for item in shown:
        if not any(next(differences(item, each, ""), None) is None for each in rest):
            yield f"{where} has no item {item}; it is {actual}"
    if not shown and actual:
        yield f"{where} is not empty: {actual}"


def _pattern(shown: str) -> str:
    """`…` stands for a part that varies."""
    return ".+".join(re.escape(part) for part in shown.split("…"))


@contextlib.contextmanager
def at_a_terminal(folder: Path, environment: Mapping[str, str]) -> Iterator[Reader]:
    """A shell in a folder that looks like the root of the repository. All that is begun there ends with it."""
    for name in SHARED:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MYILI_")}
    shell = subprocess.Popen(
        ["/bin/bash", "--noprofile", "--norc"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**outside, **environment, "TMPDIR": str(folder)},
        start_new_session=True,
    )
    assert shell.stdin
    shell.stdin.write("trap 'failed=yes; echo failed: $BASH_COMMAND' ERR\n")
    try:
        yield Reader(shell, environment["GATEWAY"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
        shell.communicate()
