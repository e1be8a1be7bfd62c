"""Which values one schema allows and another does not: the judgement behind every break of a body or an answer."""

import copy
import json
from typing import Any

import jsoncompat
import jsonschema_rs
import pytest

from contracts.compatibility.schema import Containment
from contracts.documents import FOLDER, in_folder

OBJECT: dict[str, Any] = {"type": "object", "properties": {"kind": {"enum": ["a", "b"]}}, "required": ["kind"]}
TREE: dict[str, Any] = {
    "type": "object",
    "properties": {"value": {"type": "integer"}, "below": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
    "required": ["value", "below"],
}


def union(**members: dict[str, Any]) -> dict[str, Any]:
    """A union of objects that name their kind, as Pydantic writes it."""
    branches = [
        {"type": "object", "properties": {"kind": {"const": kind}, "of": value}, "required": ["kind", "of"]}
        for kind, value in members.items()
    ]
    return {"oneOf": branches, "discriminator": {"propertyName": "kind"}}


def excluded(inner: Any, outer: Any, *, sent: bool = False) -> list[str]:  # noqa: ANN401 - schemas
    return Containment({}, {}, sent=sent).excluded(inner, outer)


WIDENINGS: list[tuple[Any, Any]] = [
    ({"enum": ["a"]}, {"enum": ["a", "b"]}),
    ({"const": "a"}, {"type": "string", "minLength": 1}),
    ({"enum": ["a", 1]}, {"anyOf": [{"type": "integer"}, {"const": "a"}]}),
    ({"type": "integer"}, {"type": "number"}),
    ({"type": "string"}, {"type": ["string", "null"]}),
    ({"type": "string"}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    ({"type": "string", "format": "uuid"}, {"type": "string"}),
    ({"type": "string", "pattern": "^a$"}, {"anyOf": [{"type": "string", "pattern": p} for p in ("^a$", "^b$")]}),
    ({"type": "string", "pattern": "^[a-c]{1,3}$"}, {"type": "string", "pattern": "^([a-z]|[0-9])*$"}),
    ({"type": "string", "pattern": "^(month|year)$"}, {"type": "string", "pattern": "^(day|month|year)$"}),
    ({"type": "integer", "minimum": 2}, {"type": "integer", "exclusiveMinimum": 1}),
    ({"type": "integer", "maximum": 2}, {"type": "integer", "maximum": 3}),
    ({"type": "string", "minLength": 2, "maxLength": 3}, {"type": "string", "minLength": 1}),
    ({"type": "array", "items": {"enum": ["a"]}}, {"type": "array", "items": {"enum": ["a", "b"]}}),
    ({"type": "array", "uniqueItems": True, "maxItems": 3}, {"type": "array", "uniqueItems": False}),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, {"type": "object"}),
    ({"allOf": [{"type": "string"}, {"minLength": 2}]}, {"type": "string", "minLength": 1}),
    ({"type": "string"}, True),
    ({"type": "string"}, {"title": "Anything"}),
    (union(x={"enum": ["a"]}), union(x={"enum": ["a", "b"]}, y={"type": "string"})),
    (union(x={"type": "string"}), {"type": "object"}),
    (OBJECT, {**OBJECT, "description": "other words", "x-note": 1}),
]
NARROWINGS: list[tuple[Any, Any, str]] = [
    ({"enum": ["a", "b"]}, {"enum": ["a"]}, 'the value "b"'),
    ({"type": "string"}, {"enum": ["a"]}, "values other than"),
    ({"type": "number"}, {"type": "integer"}, "number"),
    ({"type": ["string", "null"]}, {"type": "string"}, "null"),
    ({"type": "string"}, {"type": "string", "format": "uuid"}, "format"),
    ({"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}, "format"),
    ({"type": "string"}, {"type": "string", "pattern": "^a$"}, "does not match"),
    ({"type": "string", "pattern": "^(day|month)$"}, {"type": "string", "pattern": "^(month|year)$"}, "not match"),
    ({"type": "string", "pattern": "^a|b$"}, {"type": "string", "pattern": "^(a|b)$"}, "not match"),
    ({"type": "string", "pattern": "^(?=a)a$"}, {"type": "string", "pattern": "^a(?!b)$"}, "not match"),
    ({"type": "integer", "exclusiveMinimum": 1}, {"type": "integer", "exclusiveMinimum": 2}, "below 2"),
    ({"type": "integer", "minimum": 1}, {"type": "integer", "exclusiveMinimum": 1}, "below 1"),
    ({"type": "integer", "maximum": 3}, {"type": "integer", "exclusiveMaximum": 3}, "above 3"),
    ({"type": "string"}, {"type": "string", "maxLength": 3}, "longer"),
    ({"type": "string"}, {"type": "string", "minLength": 1}, "shorter"),
    ({"type": "array"}, {"type": "array", "maxItems": 3}, "more items"),
    ({"type": "array"}, {"type": "array", "uniqueItems": True}, "items twice"),
    ({"type": "array", "items": {}}, {"type": "array", "items": {"type": "string"}}, "any kind"),
    ({"type": "object"}, {"type": "object", "additionalProperties": False}, "further members"),
    ({"type": "object"}, {"type": "object", "additionalProperties": {"type": "integer"}}, "as any member"),
    ({"type": "string"}, False, "string"),
    ({"type": "string"}, {"type": "string", "contentEncoding": "base64"}, "contentEncoding"),
    (union(x={}, y={}), union(x={}), 'as kind: the value "y"'),
    (union(x={}, y={}, z={}), union(x={}, y={}), 'an object with kind "z"'),
    (union(x={"enum": ["a", "b"]}), union(x={"enum": ["a"]}), 'the value "b"'),
    ({**OBJECT, "required": []}, OBJECT, "no kind"),
    ({"allOf": [{"minLength": 1}, {"minLength": 2}]}, {"type": "string"}, "any kind"),
    ({"oneOf": [{"type": "string"}, {"minLength": 2}]}, {"type": "string"}, "any kind"),
]


@pytest.mark.parametrize(("inner", "outer"), WIDENINGS)
@pytest.mark.parametrize("sent", [True, False])
def test_what_only_widens_leaves_nothing_out(inner: Any, outer: Any, *, sent: bool) -> None:  # noqa: ANN401 - schemas
    assert excluded(inner, outer, sent=sent) == []


@pytest.mark.parametrize(("inner", "outer", "extra"), NARROWINGS)
def test_what_narrows_is_named(inner: Any, outer: Any, extra: str) -> None:  # noqa: ANN401 - schemas
    assert [phrase for phrase in excluded(inner, outer) if extra in phrase] != []


def test_requests_and_answers_differ_in_members_that_a_schema_does_not_name() -> None:
    more = {**OBJECT, "properties": {**OBJECT["properties"], "note": {"type": "string"}}}
    assert excluded(OBJECT, more, sent=True) == []  # a new optional member of a request
    assert excluded(more, OBJECT, sent=True) == ["a member note"]  # one that would be dropped without a word
    assert excluded(more, OBJECT) == []  # a new member of an answer
    assert excluded(OBJECT, more) == ["no note"]  # one that answers no longer have
    closed = {**OBJECT, "additionalProperties": False}
    assert excluded(OBJECT, closed, sent=True) == []  # no client sent more
    assert excluded(more, closed) == ["a member note", "further members"]


def test_a_recursive_schema_fits_itself_and_is_compared_all_the_way_down() -> None:
    other = copy.deepcopy(TREE)
    other["properties"]["value"] = {"type": "string"}
    here, there = {"$defs": {"Tree": TREE}}, {"$defs": {"Tree": other}}
    tree = {"$ref": "#/$defs/Tree"}
    assert Containment(here, here).excluded(tree, tree) == []
    assert Containment(here, there).excluded(tree, tree) == ["as value: integer"]


def test_a_name_is_no_shape() -> None:
    here, there = {"$defs": {"Tree": OBJECT}}, {"$defs": {"Plant": OBJECT}}
    assert Containment(here, there).excluded({"$ref": "#/$defs/Tree"}, {"$ref": "#/$defs/Plant"}) == []


@pytest.mark.parametrize(
    "path", [path for path in in_folder(FOLDER) if path.startswith("events/") and "payment" in path]
)
def test_what_is_judged_to_fit_does_fit(path: str) -> None:
    """Samples of an event with each member loosened in turn: the judgement must agree with a validator."""
    event = {name: value for name, value in in_folder(FOLDER)[path].items() if name != "$id"}
    validator = jsonschema_rs.validator_for(event)
    for name in event["properties"]:
        looser = copy.deepcopy(event)
        looser["properties"][name] = {"type": ["string", "integer", "null"]}
        samples = [json.loads(jsoncompat.generate_value(json.dumps(looser), 4)) for _ in range(10)]
        if not all(validator.is_valid(sample) for sample in samples):
            assert Containment(looser, event).excluded(looser, event) != []
