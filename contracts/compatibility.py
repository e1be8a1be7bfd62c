"""What a client of a released contract would lose: the rules of v1, where only additions are allowed.

Schemas are compared by `jsoncompat`; this module only walks the two documents and says where a difference lies.
"""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import jsoncompat

Document: TypeAlias = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "patch", "head", "options")
_COMPONENT = "#/components/schemas/"


def breaks(path: str, released: Document, current: Document | None) -> list[str]:
    """Sentences about everything in a released contract that `current` takes away; none when it is kept.

    Args:
        path: the contract's file, `openapi/…` or `events/…`.
        released: the contract as it was released.
        current: the same contract now, or None when it is gone.
    """
    if current is None:
        return [f"{path}: the contract is gone"]
    if path.startswith("events/"):
        return list(_event_breaks(path, released, current))
    return [f"{path}: {fault}" for fault in _openapi_breaks(released, current)]


def _event_breaks(path: str, released: Document, current: Document) -> Iterator[str]:
    for member in ("x-topic", "x-key"):
        if released.get(member) != current.get(member):
            yield f"{path}: {member} was {released.get(member)} and is {current.get(member)}"
    if not _still_readable(_unnamed(released), _unnamed(current)):
        yield f"{path}: data of the new schema does not fit the released one"


def _unnamed(schema: Document) -> Document:
    # jsoncompat takes the schema's own name for a reference to another document.
    return {member: value for member, value in schema.items() if member != "$id"}


def _openapi_breaks(released: Document, current: Document) -> Iterator[str]:
    for route, operations in released["paths"].items():
        for method in METHODS:
            if method not in operations:
                continue
            place = f"{method.upper()} {route}"
            now = current["paths"].get(route, {}).get(method)
            if now is None:
                yield f"{place} is gone"
                continue
            old = _Operation(released, operations[method])
            yield from (f"{place}: {fault}" for fault in old.lost_in(_Operation(current, now)))


class _Operation:
    """One operation, with the document its references point into."""

    def __init__(self, document: Document, operation: Document) -> None:
        self._document = document
        self.operation = operation

    def lost_in(self, new: "_Operation") -> Iterator[str]:
        yield from self._lost_parameters(new)
        yield from self._lost_bodies(new)
        yield from self._lost_answers(new)
        if new.operation.get("security") and not self.operation.get("security"):
            yield "a token is needed now"

    def _lost_parameters(self, new: "_Operation") -> Iterator[str]:
        old_ones, new_ones = self.parameters(), new.parameters()
        for key, parameter in new_ones.items():
            if parameter.get("required") and not old_ones.get(key, {}).get("required"):
                yield f"parameter {key[1]} is required now"
        for key, parameter in old_ones.items():
            if key not in new_ones:
                yield f"parameter {key[1]} is gone"
            elif not _still_accepted(self.bundled(parameter["schema"]), new.bundled(new_ones[key]["schema"])):
                yield f"parameter {key[1]} accepts less than before"

    def _lost_bodies(self, new: "_Operation") -> Iterator[str]:
        old_body, new_body = self.operation.get("requestBody", {}), new.operation.get("requestBody", {})
        if new_body.get("required") and not old_body.get("required"):
            yield "a body is required now"
        for media_type, content in old_body.get("content", {}).items():
            now = new_body.get("content", {}).get(media_type)
            if now is None:
                yield f"bodies of {media_type} are no longer accepted"
            elif not _still_accepted(self.bundled(content.get("schema", {})), new.bundled(now.get("schema", {}))):
                yield f"the {media_type} body accepts less than before"

    def _lost_answers(self, new: "_Operation") -> Iterator[str]:
        for status, answer in self.operation["responses"].items():
            now = new.operation["responses"].get(status)
            if now is None:
                yield f"answer {status} is gone"
                continue
            for media_type, content in answer.get("content", {}).items():
                schema = now.get("content", {}).get(media_type)
                if schema is None:
                    yield f"answer {status} is no longer given as {media_type}"
                elif not _still_readable(
                    self.bundled(content.get("schema", {})), new.bundled(schema.get("schema", {}))
                ):
                    yield f"answer {status} ({media_type}) does not fit the released one"

    def parameters(self) -> dict[tuple[str, str], Document]:
        return {(each["in"], each["name"]): each for each in self.operation.get("parameters", [])}

    def bundled(self, schema: Document) -> Document:
        """A schema that stands alone: the components it needs become its `$defs`."""
        components = self._document.get("components", {}).get("schemas", {})
        needed: Document = {}
        found = _named_in(schema)
        while found:
            needed |= {name: components[name] for name in found}
            found = _named_in(needed) - needed.keys()
        text = json.dumps({"allOf": [schema], "$defs": needed})
        document: Document = json.loads(text.replace(_COMPONENT, "#/$defs/"))
        return document


def _named_in(schema: Document) -> set[str]:
    """The components that a part of a document refers to."""
    return set(re.findall(f'"{_COMPONENT}([^"]+)"', json.dumps(schema)))


def _still_readable(old: Document, new: Document) -> bool:
    """Whether whatever the new schema describes also fits the old one, so that old readers understand it."""
    return _compatible(old, new, "serializer")


def _still_accepted(old: Document, new: Document) -> bool:
    """Whether the new schema accepts whatever the old one described."""
    # Closed, a union of objects that name their kind is more than jsoncompat can prove of itself.
    return old == new or _compatible(_closed(old), new, "deserializer")


def _compatible(old: Document, new: Document, role: Literal["serializer", "deserializer"]) -> bool:
    return old == new or jsoncompat.check_compat(json.dumps(old), json.dumps(new), role)


def _closed(schema: Document) -> Document:
    """The schema without members it does not name: nobody sent those, so a new optional member takes nothing away."""

    def close(node: Any) -> None:  # noqa: ANN401 - any part of a JSON document
        if isinstance(node, dict):
            if node.get("type") == "object" and "properties" in node:
                node.setdefault("additionalProperties", False)
            for part in node.values():
                close(part)
        elif isinstance(node, list):
            for part in node:
                close(part)

    closed = copy.deepcopy(schema)
    close(closed)
    return closed
