"""What a client of one operation would lose."""

from collections.abc import Iterator
from typing import Any

from contracts.compatibility.access import lost_access
from contracts.compatibility.document import Document, Operation, Parameter, media_types
from contracts.compatibility.limits import lost_extensions
from contracts.compatibility.schema import Containment, may_be


class Comparison:
    """Compares operations of a released document with those of the current one."""

    def __init__(self, released: Document, current: Document) -> None:
        self._no_longer_accepted = Containment(released, current, sent=True).excluded
        self._newly_returned = Containment(current, released).excluded

    def lost(self, old: Operation, new: Operation) -> Iterator[str]:
        """Everything the released operation promised and the current one does not, as sentences."""
        if old.definition.get("operationId") not in (None, new.definition.get("operationId")):
            yield f"operationId was {old.definition['operationId']} and is {new.definition.get('operationId')}"
        for server in sorted(old.servers() - new.servers()):
            yield f"server {server} is gone"
        yield from self._lost_parameters(old, new)
        yield from self._lost_bodies(old.body(), new.body())
        yield from self._lost_answers(old, new)
        yield from lost_access(old, new)
        yield from lost_extensions(old.definition, new.definition)

    def _lost_parameters(self, old: Operation, new: Operation) -> Iterator[str]:
        before, now = old.parameters(), new.parameters()
        for key, parameter in now.items():
            if parameter.required and key not in before:
                yield f"parameter {parameter.shown} is new and required"
        for key, parameter in before.items():
            if key not in now:
                yield f"parameter {parameter.shown} is gone"
                continue
            if now[key].required and not parameter.required:
                yield f"parameter {parameter.shown} was optional and is required"
            yield from _lost_spelling(old.document, parameter, now[key])
            for extra in self._no_longer_accepted(_sendable(parameter.schema), now[key].schema):
                yield f"parameter {parameter.shown} no longer accepts {extra}"

    def _lost_bodies(self, before: Document, now: Document) -> Iterator[str]:
        if now.get("required") and not before.get("required"):
            yield "a body is required now"
        accepted = media_types(now.get("content", {}))
        for media_type, content in media_types(before.get("content", {})).items():
            if media_type not in accepted:
                yield f"bodies of {media_type} are no longer accepted"
                continue
            for extra in self._no_longer_accepted(content.get("schema", {}), accepted[media_type].get("schema", {})):
                yield f"the {media_type} body no longer accepts {extra}"

    def _lost_answers(self, old: Operation, new: Operation) -> Iterator[str]:
        now = new.answers()
        for status, answer in old.answers().items():
            if status in now:
                yield from self._lost_headers(_headers(old, answer), _headers(new, now[status]), status)
                yield from self._lost_contents(answer, now[status], status)
            else:
                yield f"answer {status} is gone"

    def _lost_contents(self, before: Document, now: Document, status: str) -> Iterator[str]:
        returned = media_types(now.get("content", {}))
        for media_type, content in media_types(before.get("content", {})).items():
            if media_type not in returned:
                yield f"answer {status} is no longer given as {media_type}"
                continue
            for extra in self._newly_returned(returned[media_type].get("schema", {}), content.get("schema", {})):
                yield f"answer {status} ({media_type}) may hold, unlike the released one, {extra}"

    def _lost_headers(self, before: dict[str, Document], now: dict[str, Document], status: str) -> Iterator[str]:
        for name, header in before.items():
            if name not in now:
                yield f"answer {status} no longer has the header {name}"
                continue
            if header.get("required") and not now[name].get("required"):
                yield f"answer {status} may lack the header {name}"
            for extra in self._newly_returned(now[name].get("schema", {}), header.get("schema", {})):
                yield f"header {name} of answer {status} may hold, unlike the released one, {extra}"


def _headers(operation: Operation, answer: Document) -> dict[str, Document]:
    return {name.lower(): operation.resolved(header) for name, header in answer.get("headers", {}).items()}


def _lost_spelling(document: Document, before: Parameter, now: Parameter) -> Iterator[str]:
    if before.style != now.style:
        yield f"parameter {before.shown} had style {before.style} and has {now.style}"
    elif before.explode != now.explode and may_be(document, before.schema, {"array", "object"}):
        yield f"parameter {before.shown} had explode {before.explode} and has {now.explode}"
    if before.allow_reserved and not now.allow_reserved:
        yield f"parameter {before.shown} no longer allows reserved characters"


def _sendable(schema: Any) -> Any:  # noqa: ANN401 - a schema, which may be a boolean
    """A parameter's schema without null, which no parameter can carry."""
    if isinstance(schema, dict) and (branches := schema.get("anyOf")):
        return {**schema, "anyOf": [branch for branch in branches if branch != {"type": "null"}]}
    return schema
