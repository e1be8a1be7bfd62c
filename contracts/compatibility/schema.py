"""Whether every value of one JSON Schema is a value of another, and if not, which values are excluded.

Supports the part of JSON Schema that our documents use. `format` and `pattern` count as constraints, because clients
parse by them. An unknown keyword must be the same on both sides. When in doubt a value counts as excluded.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import jsonschema_rs

from contracts.compatibility.document import Document, resolved
from contracts.compatibility.scalar import LIMITS, narrower

Schema: TypeAlias = dict[str, Any]

_NOTES = {"title", "description", "default", "examples", "example", "deprecated", "discriminator", "readOnly"}
_NOTES |= {"writeOnly", "$id", "$schema", "$comment", "$defs", "externalDocs"}
_UNIONS = ("anyOf", "oneOf")
_BY_PART = {"type", "enum", "const", "properties", "required", "additionalProperties", "items"} | LIMITS.keys()
_NEVER: Schema = {"not": {}}


class Containment:
    """Compares schemas of one document with schemas of another.

    Args:
        inner: the document whose values must all fit.
        outer: the document they must fit into.
        sent: the values are requests, in which no client sent a member that the inner schema does not name.
    """

    def __init__(self, inner: Document, outer: Document, *, sent: bool = False) -> None:
        self._inner, self._outer, self._sent = inner, outer, sent
        self._known: dict[tuple[str, str], list[str]] = {}

    def excluded(self, inner: Any, outer: Any, at: str = "") -> list[str]:  # noqa: ANN401 - a schema may be a boolean
        """What the inner schema allows and the outer one does not, as noun phrases; none when it fits."""
        key = _reference(inner), _reference(outer)
        if "" in key:
            extras = list(self._compared(inner, outer))
        else:
            if key not in self._known:
                self._known[key] = []  # a recursive schema fits unless something in it does not
                self._known[key] = list(self._compared(inner, outer))
            extras = self._known[key]
        return [f"{at}{extra}" for extra in extras]

    def _compared(self, inner: Any, outer: Any) -> Iterator[str]:  # noqa: ANN401 - schemas
        wider = list(alternatives(self._outer, outer))
        if any(not constraints(each) for each in wider):
            return
        for narrow in alternatives(self._inner, inner):
            parts = list(_one_by_one(narrow)) if len(wider) > 1 else [narrow]
            for part in parts:
                tried = [list(self._misfits(part, each)) for each in wider]
                if [] not in tried:
                    yield from min(tried, key=len) if len(tried) == 1 else [_shown(part)]

    def _misfits(self, inner: Schema, outer: Schema) -> Iterator[str]:
        """What one plain schema allows and another does not."""
        if (values := _values(inner)) is not None:
            yield from _values_outside(values, outer)
            return
        if (wanted := outer.get("type")) and not _is_kind(inner.get("type"), wanted):
            yield _shown(inner)
            return
        if (values := _values(outer)) is not None:
            yield f"values other than {', '.join(_text(value) for value in values)}"
            return
        yield from narrower(inner, outer)
        yield from self._members(inner, outer)
        if "items" in outer:
            yield from self.excluded(inner.get("items", {}), outer["items"], "in a list, ")
        for keyword in sorted(constraints(outer).keys() - _BY_PART):
            if inner.get(keyword) != outer[keyword]:
                yield f"something that {keyword} excludes"

    def _members(self, inner: Schema, outer: Schema) -> Iterator[str]:
        mine, theirs = inner.get("properties", {}), outer.get("properties", {})
        certain, wanted = set(inner.get("required", ())), set(outer.get("required", ()))
        yield from (f"no {name}" for name in sorted(wanted - certain))
        for name in sorted(theirs):
            if name in mine:
                yield from self.excluded(mine[name], theirs[name], f"as {name}: ")
            elif name in certain or "additionalProperties" in inner:
                yield from self.excluded(inner.get("additionalProperties", True), theirs[name], f"as {name}: ")
            elif name not in wanted and not self._sent:
                # In an answer a released member must stay; a request may lack what the new schema added.
                yield f"no {name}"
        yield from self._further_members(inner, outer, mine.keys() - theirs.keys())

    def _further_members(self, inner: Schema, outer: Schema, names: Iterable[str]) -> Iterator[str]:
        further = outer.get("additionalProperties", True)
        # A member that the new schema no longer names would be dropped silently from a request.
        dropped = self._sent and "properties" in outer and "additionalProperties" not in outer
        for name in sorted(names):
            if further is False or dropped:
                yield f"a member {name}"
            elif further is not True:
                yield from self.excluded(inner["properties"][name], further, f"as {name}: ")
        mine = inner.get("additionalProperties", not (self._sent and "properties" in inner))
        if mine is not False and further is not True:
            yield from ["further members"] if further is False else self.excluded(mine, further, "as any member: ")


def alternatives(document: Document, schema: Any) -> Iterator[Schema]:  # noqa: ANN401 - a schema may be a boolean
    """The plain schemas, one of which a value must fit: without references, unions or several types."""
    if isinstance(schema, bool):
        yield from [{}] if schema else []
        return
    beside = {name: value for name, value in constraints(schema).items() if name != "$ref"}
    if "$ref" in schema and beside:
        schema = {**beside, "allOf": [{"$ref": schema["$ref"]}, *beside.get("allOf", ())]}
    schema = _joined(document, resolved(document, schema))
    for union in _UNIONS:
        if union in schema and (union == "anyOf" or "discriminator" in schema or len(schema[union]) == 1):
            rest = {name: value for name, value in schema.items() if name != union}
            for branch in schema[union]:
                yield from alternatives(document, {**rest, "allOf": [branch, *rest.get("allOf", [])]})
            return
    kinds = schema.get("type")
    if isinstance(kinds, list):
        yield from ({**schema, "type": kind} for kind in kinds)
    else:
        yield schema


def _joined(document: Document, schema: Schema) -> Schema:
    """The schema merged with the parts of its `allOf`, unless two of them constrain the same keyword differently."""
    if "allOf" not in schema:
        return schema
    joined = {name: value for name, value in schema.items() if name != "allOf"}
    for each in schema["allOf"]:
        part = {} if each is True else _NEVER if each is False else _joined(document, resolved(document, each))
        added = constraints(part)
        if any(name in joined and joined[name] != added[name] for name in added):
            return {**schema, "allOf": schema["allOf"]}
        joined |= added
        joined |= {"discriminator": part["discriminator"]} if "discriminator" in part else {}
    return joined


def constraints(schema: Schema) -> Schema:
    """The keywords of a schema that decide whether a value fits."""
    return {name: value for name, value in schema.items() if name not in _NOTES and not name.startswith("x-")}


def may_be(document: Document, schema: Any, kinds: set[str]) -> bool:  # noqa: ANN401 - a schema may be a boolean
    """Whether a value of the schema may be of one of these types."""
    return any(each.get("type") in kinds or "type" not in each for each in alternatives(document, schema))


def _reference(schema: Any) -> str:  # noqa: ANN401 - a schema may be a boolean
    """The target of a schema that is only a reference; else empty."""
    return str(schema["$ref"]) if isinstance(schema, dict) and constraints(schema).keys() == {"$ref"} else ""


def _one_by_one(schema: Schema) -> Iterator[Schema]:
    """An enum as one schema for each value, since each may fit another alternative."""
    values = _values(schema)
    rest = {name: value for name, value in schema.items() if name not in ("enum", "const")}
    yield from [schema] if values is None else ({**rest, "const": value} for value in values)


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return values


def _values_outside(values: list[Any], outer: Schema) -> Iterator[str]:
    fits = jsonschema_rs.validator_for(_without_members(outer), validate_formats=True).is_valid
    yield from (f"the value {_text(value)}" for value in values if not fits(value))


def _without_members(schema: Schema) -> Schema:
    # Single values are text and numbers; the schemas of members and items may hold references.
    return {name: value for name, value in constraints(schema).items() if name not in ("properties", "items")}


def _is_kind(kind: str | None, wanted: str) -> bool:
    return kind == wanted or (kind == "integer" and wanted == "number")


def _shown(schema: Schema) -> str:
    """A plain schema in a few words: its distinguishing value, else its type."""
    if (values := _values(schema)) is not None:
        return f"the value {', '.join(_text(value) for value in values)}"
    kinds = [
        f"{name} {_text(member['const'])}" for name, member in schema.get("properties", {}).items() if "const" in member
    ]
    return f"an object with {kinds[0]}" if kinds else str(schema.get("type", "values of any kind"))


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return json.dumps(value, ensure_ascii=False)
