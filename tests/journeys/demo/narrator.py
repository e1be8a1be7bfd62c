"""Prints each step with its result, and stops at the first surprise."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.05
_WIDTH = 108
_TRUE: object = True

Found = TypeVar("Found")


class Surprise(Exception):  # noqa: N818 - the word of the demo's promise
    """An unexpected answer; the message is a sentence."""


class Narrator:
    """Prints the demo and counts its checks."""

    def __init__(self) -> None:
        self.checks = 0
        self._started = time.monotonic()

    def act(self, title: str) -> None:
        print(f"\n{title}")

    def tell(self, sentence: str) -> None:
        print(f"    {sentence}"[:_WIDTH])

    def check(self, claim: str, actual: object, expected: object = _TRUE) -> None:
        """Print what was checked.

        Raises:
            Surprise: the actual value is not the expected one.
        """
        if actual != expected:
            raise Surprise(f"{claim}: expected {expected!r}, got {actual!r}")
        self.checks += 1
        shown = "" if actual is True else f" ({actual})"
        print(f"  + {claim}{shown}"[:_WIDTH])

    def answered(self, claim: str, answer: httpx.Response, status: int, code: str | None = None) -> Any:  # noqa: ANN401
        """Check an answer's status (and problem code) and return its JSON, or nothing when it has none."""
        is_json = answer.headers.get("content-type", "").partition(";")[0].endswith("json")
        content = answer.json() if is_json and answer.content else None
        got = (answer.status_code, (content or {}).get("code") if code else None)
        if got != (status, code):
            raise Surprise(f"{claim}: expected {status} {code or ''}, got {answer.status_code} {answer.text[:500]}")
        self.checks += 1
        print(f"  + {claim} ({status}{f' {code}' if code else ''})"[:_WIDTH])
        return content

    def wait_for(self, what: str, look: Callable[[], Found | None], *, within: float = _PATIENCE_SECONDS) -> Found:
        """Poll until `look` finds something.

        Raises:
            Surprise: nothing was found in time.
        """
        started = time.monotonic()
        while (found := look()) is None:
            if time.monotonic() - started > within:
                raise Surprise(f"{what} did not happen within {within:g} s")
            time.sleep(_PAUSE_SECONDS)
        self.checks += 1
        print(f"  + {what} (after {time.monotonic() - started:.1f} s)"[:_WIDTH])
        return found

    def closing_line(self) -> str:
        return f"demo: {self.checks} checks passed in {time.monotonic() - self._started:.1f} s"
