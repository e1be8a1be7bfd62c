"""The extensions of an operation that limit requests: how large a body and how long an answer may be."""

from collections.abc import Iterator
from typing import Any

from chassis.service import JSON_BODY_LIMIT
from contracts.compatibility.document import Document
from gateway.settings import GatewaySettings

_COMPARED_ELSEWHERE = {"x-who-may-call"}


def _default_seconds() -> float:
    seconds: float = GatewaySettings.model_fields["answer_seconds"].default
    return seconds


_DEFAULTS: dict[str, Any] = {"x-max-body-bytes": JSON_BODY_LIMIT, "x-timeout-seconds": _default_seconds()}
"""The limits of an operation that states none."""


def lost_extensions(old: Document, new: Document) -> Iterator[str]:
    """Limits that became narrower, and changed extensions for which there is no rule."""
    names = {name for name in (*old, *new) if name.startswith("x-")} - _COMPARED_ELSEWHERE
    for name in sorted(names):
        before: Any = old.get(name, _DEFAULTS.get(name))
        now: Any = new.get(name, _DEFAULTS.get(name))
        if name in _DEFAULTS:
            if float(now) < float(before):
                yield f"{name} was {before} and is {now}"
        elif before is not None and before != now:
            yield f"{name} was {before} and is {now}, and no rule says whether that is more or less"
