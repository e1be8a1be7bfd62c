"""Forms: what a schema may be, and what a draft and a filed form may hold."""

import time
from typing import Any

import pytest

from svc_services.cases.workflows.forms import (
    BadFormSchema,
    FormRefused,
    require_bounded,
    require_complete,
    require_types,
)
from tests.svc_services.cases.workflows.definitions import FORM


def form_with(**properties: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"type": "object", "properties": properties, "additionalProperties": False}


def text(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"type": "string", "maxLength": 50, **more}


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = text()
    for _ in range(levels):
        inner = form_with(inner=inner)
    return inner


def nested_form(levels: int) -> dict[str, Any]:
    inner: Any = "x"
    for level in range(levels):
        inner = [inner] if level % 2 else {"inner": inner}
    return {"address": inner}


BAD = {
    "a text": ({"type": "string", "maxLength": 5}, "/type"),
    "open to other members": ({**FORM, "additionalProperties": True}, "/additionalProperties"),
    "a reference": (form_with(x={"$ref": "https://example.com/schema"}), "/properties/x/type"),
    "a reference to itself": (form_with(x={**FORM, "$ref": "#"}), "/properties/x/$ref"),
    "alternatives": ({**FORM, "anyOf": [FORM]}, "/anyOf"),
    "a text of any length": (form_with(x={"type": "string"}), "/properties/x/maxLength"),
    "a list of any length": (form_with(x={"type": "array", "items": text()}), "/properties/x/maxItems"),
    "a list of anything": (form_with(x={"type": "array", "maxItems": 3}), "/properties/x/items"),
    "numbers that floats round": (form_with(x={"type": "number"}), "/properties/x/type"),
    "nested too deeply": (nested(9), "/properties/inner" * 8),
    "a required field that is none": ({**FORM, "required": ["y"]}, "/required"),
    "a keyword of another kind": (form_with(x=text(minimum=3)), "/properties/x/minimum"),
    "a value that is no keyword's": (form_with(x=text(minLength="three")), "/"),
    "a text that is too short and too long": (form_with(x=text(minLength=51)), "/properties/x/minLength"),
    "a choice that is too long": (form_with(x=text(enum=["x" * 51])), "/properties/x/enum"),
    "a number too small and too large": (
        form_with(x={"type": "integer", "minimum": 3, "maximum": 2}),
        "/properties/x/minimum",
    ),
    "a list too short and too long": (
        form_with(x={"type": "array", "items": text(), "minItems": 4, "maxItems": 3}),
        "/properties/x/minItems",
    ),
    "too large": ({**FORM, "description": "x" * 40_000}, "/"),
    "not a number": (form_with(x={"type": "integer", "minimum": float("nan")}), "/"),
}
PATTERNS = [
    "^(a+)+$",
    "^(a|a)*$",
    "^a*a*a*$",
    "^a?a?b$",
    r"^(\w)\1$",
    "^(?=a)b$",
    "^.{0,9}$",
    "a",
    "^a",
    7,
    "^[^a]{5}$",
]


@pytest.mark.parametrize("fault", BAD)
def test_a_schema_that_could_grow_or_wander_is_refused(fault: str) -> None:
    schema, at = BAD[fault]
    with pytest.raises(BadFormSchema) as refused:
        require_bounded(schema)
    assert refused.value.values == {"at": at}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_that_an_engine_could_get_lost_in_is_refused(pattern: object) -> None:
    with pytest.raises(BadFormSchema) as refused:
        require_bounded(form_with(x=text(pattern=pattern)))
    assert refused.value.values == {"at": "/properties/x/pattern"}


def test_an_admitted_pattern_ends_soon_on_the_longest_form() -> None:
    schema = form_with(x={"type": "string", "maxLength": 2_000, "pattern": "^[0-9]{1,999}-[0-9]{4}$"})
    require_bounded(schema)
    begun = time.process_time()
    with pytest.raises(FormRefused):
        require_complete(schema, {"x": "1" * 2_000})
    assert time.process_time() - begun < 1


def test_a_draft_may_be_incomplete_and_half_typed() -> None:
    require_bounded(FORM)
    for draft in ({}, {"address": "x"}, {"phone": "138"}, {"rooms": 0}):
        require_types(FORM, draft)
        with pytest.raises(FormRefused):
            require_complete(FORM, draft)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"address": 7}, {"at": "/address", "rule": "type"}),
        ({"rooms": 1.5}, {"at": "/rooms", "rule": "type"}),
        ({"address": "x" * 101}, {"at": "/address", "rule": "maxLength"}),
        ({"pet": "cat"}, {"at": "/", "rule": "additionalProperties"}),
        ({"address": "a\0b"}, {"at": "/address", "rule": "characters"}),
        ({"address": "\ud800"}, {"at": "/address", "rule": "characters"}),
        ({"address": "x" * 70_000}, {"at": "/", "rule": "size"}),
        (nested_form(9), {"at": "/", "rule": "depth"}),
        (nested_form(260), {"at": "/", "rule": "depth"}),
        (nested_form(900), {"at": "/", "rule": "depth"}),
        ({"rooms": float("inf")}, {"at": "/", "rule": "size"}),
    ],
)
def test_a_draft_has_fields_of_the_form_and_values_of_their_types(form: dict[str, Any], error: dict[str, str]) -> None:
    with pytest.raises(FormRefused) as refused:
        require_types(FORM, form)
    assert refused.value.values == {"errors": [error]}


def test_mistakes_are_told_by_place_and_rule_and_never_by_value() -> None:
    with pytest.raises(FormRefused) as refused:
        require_complete(FORM, {"phone": "13800000001x", "rooms": 100})
    told = {(error["at"], error["rule"]) for error in refused.value.values["errors"]}
    assert told == {("/", "required"), ("/phone", "maxLength"), ("/phone", "pattern"), ("/rooms", "maximum")}
    assert "13800000001x" not in str(refused.value.values)


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\u0007", "\ufeff", "\u2028", "\x00", "\ud800"])
def test_what_no_reader_sees_is_refused_at_its_place(hidden: str) -> None:
    for require in (require_types, require_complete):
        with pytest.raises(FormRefused) as refused:
            require(FORM, {"address": f"a{hidden}bc"})
        assert refused.value.values == {"errors": [{"at": "/address", "rule": "characters"}]}
    require_types(FORM, {"address": "two\nlines"})
