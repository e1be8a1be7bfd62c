"""What the receiver of a webhook would lose: requests and answers run the other way round."""

from collections.abc import Iterator

from contracts.compatibility.document import Document
from contracts.compatibility.schema import Containment


def lost_webhooks(released: Document, current: Document) -> Iterator[str]:
    """Calls that a receiver built by the released document would miss, not understand or answer in vain."""
    calls = _calls(current)
    newly_sent = Containment(current, released).excluded
    no_longer_taken = Containment(released, current, sent=True).excluded
    for place, before in _calls(released).items():
        if place not in calls:
            yield f"{place} is gone"
            continue
        now = calls[place]
        for header in sorted(_headers(before) - _headers(now)):
            yield f"{place}: the header {header} is no longer sent"
        for extra in newly_sent(_body(now), _body(before)):
            yield f"{place}: the body may hold, unlike the released one, {extra}"
        for extra in no_longer_taken(_answer(before), _answer(now)):
            yield f"{place}: the answer may no longer hold {extra}"


def _calls(document: Document) -> dict[str, Document]:
    return {
        f"webhook {method.upper()} {name}": call
        for name, item in document.get("webhooks", {}).items()
        for method, call in item.items()
    }


def _headers(call: Document) -> set[str]:
    return {parameter["name"] for parameter in call.get("parameters", ()) if parameter.get("required")}


def _body(call: Document) -> Document:
    return _json(call.get("requestBody", {}))


def _answer(call: Document) -> Document:
    return _json(call["responses"]["200"])


def _json(message: Document) -> Document:
    schema: Document = message.get("content", {}).get("application/json", {}).get("schema", {})
    return schema
