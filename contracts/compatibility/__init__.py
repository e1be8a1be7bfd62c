"""What a client of a released contract would lose: the rules of v1, where only additions are allowed.

    breaks(path, released, current)   what `current` takes away, as sentences

Requests and answers run in opposite directions: a request must still take whatever the released schema took, an answer
must hold nothing that the released schema excludes; in a webhook it is the other way round. A schema is compared by its
shape, never by its name.
docs/decisions/0077 has the rules that are judgements.
"""

from collections.abc import Iterator

from contracts.compatibility.document import Document, Spec
from contracts.compatibility.operation import Comparison
from contracts.compatibility.schema import Containment
from contracts.compatibility.webhook import lost_webhooks

__all__ = ["Document", "breaks"]


def breaks(path: str, released: Document, current: Document | None) -> list[str]:
    """Sentences about everything in a released contract that `current` takes away; none when it is kept.

    Args:
        path: the contract's file, `openapi/…` or `events/…`.
        released: the contract as it was released.
        current: the same contract now, or None when it is gone.
    """
    if current is None:
        return [f"{path}: the contract is gone"]
    find = _event_breaks if path.startswith("events/") else _openapi_breaks
    return [f"{path}: {fault}" for fault in find(released, current)]


def _event_breaks(released: Document, current: Document) -> Iterator[str]:
    for member in ("x-topic", "x-key"):
        if released.get(member) != current.get(member):
            yield f"{member} was {released.get(member)} and is {current.get(member)}"
    for extra in Containment(current, released).excluded(current, released):
        yield f"data may hold, unlike the released schema, {extra}"


def _openapi_breaks(released: Document, current: Document) -> Iterator[str]:
    old, new = Spec(released), Spec(current)
    now, comparison = new.operations(), Comparison(released, current)
    for key, operation in old.operations().items():
        if key in now:
            yield from (f"{operation.place}: {fault}" for fault in comparison.lost(operation, now[key]))
        else:
            yield f"{operation.place} is gone"
    yield from lost_webhooks(released, current)
