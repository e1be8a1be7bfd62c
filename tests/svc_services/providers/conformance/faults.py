"""What faulty copies of the reference provider are made with."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from starlette.applications import Starlette

SLOW_SECONDS = 0.5


class Wrapped:
    """Books or sales with some of their answers replaced; everything else is theirs."""

    def __init__(self, real: object, **replaced: Callable[..., Any]) -> None:
        self._real, self._replaced = real, replaced

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of the real one
        return self._replaced.get(name) or getattr(self._real, name)


class Fault(NamedTuple):
    name: str
    breaks: frozenset[str]
    apply: Callable[[Starlette, pytest.MonkeyPatch], None]


def fault(name: str, apply: Callable[[Starlette, pytest.MonkeyPatch], None], *breaks: str) -> Fault:
    return Fault(name, frozenset(breaks), apply)
