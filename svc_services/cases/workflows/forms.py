"""Forms of applications: a small part of JSON Schema, in which every schema and every check ends soon.

There is no `$ref`, so nothing is fetched and nothing recurs; each text and list has a largest size; and a pattern is a
row of characters and classes without groups, so that no engine, also a browser's, tries ways to divide a text.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import jsonschema_rs

from chassis.problems import Problem
from chassis.text import is_visible

MOST_BYTES, MOST_DEPTH = 32_768, 8
MOST_FORM_BYTES = 65_536
_LONGEST_TEXT, _LONGEST_LIST, _MOST_FIELDS, _MOST_ERRORS = 2_000, 100, 100, 20
_TYPES = {"object", "array", "string", "integer", "boolean"}
_BY_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "pattern", "format", "enum"},
    "integer": {"minimum", "maximum", "enum"},
    "boolean": {"const"},
}
_EVERY = {"type", "title", "description"}
_TYPES_ALONE = {"type", "properties", "items", "additionalProperties", "maxLength", "maxItems", "enum"}
_ITEM = r"(?:\\d|\[[^\[\]\\^&~|]{1,60}\]|[^\[\]\\(){}.*+?^$|])"
_PATTERN = re.compile(rf"\^(?:{_ITEM}(?:\?|\{{[0-9]{{1,3}}(?:,[0-9]{{1,3}})?\}})?){{1,40}}\$")
_VARIABLE = re.compile(r"\?|\{[0-9]{1,3},[0-9]{1,3}\}")
_NUL = re.compile(r"(?<!\\)(\\\\)*\\u0000")


class BadFormSchema(Problem):
    """`at` is a JSON pointer into the schema."""

    status, code = 422, "bad_form_schema"


class FormRefused(Problem):
    """`errors` names places and rules, never values: they are personal data."""

    status, code = 422, "form_refused"


def require_bounded(schema: dict[str, Any]) -> None:
    """Refuse a schema that is not of the small part.

    Raises:
        BadFormSchema
    """
    if not _is_storable(schema, MOST_BYTES):
        raise BadFormSchema(at="/")
    fault = next(_faults(schema, "", MOST_DEPTH), None)
    if fault is None and schema.get("type") != "object":
        fault = "/type"
    if fault is None:
        try:
            _validator(json.dumps(schema))
        except ValueError:
            fault = "/"
    if fault is not None:
        raise BadFormSchema(at=fault)


def _faults(schema: object, at: str, levels: int) -> Iterator[str]:
    if not isinstance(schema, dict) or levels == 0:
        yield at or "/"
        return
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        yield f"{at}/type"
        return
    yield from (f"{at}/{each}" for each in schema if each not in _BY_TYPE[kind] | _EVERY)
    if kind == "object":
        yield from _faults_of_object(schema, at, levels)
    elif kind == "integer":
        yield from _faults_of_range(schema, at, "minimum", "maximum")
    elif kind == "array":
        yield from _faults_of_size(schema, at, "maxItems", _LONGEST_LIST)
        yield from _faults_of_range(schema, at, "minItems", "maxItems")
        yield from _faults(schema.get("items"), f"{at}/items", levels - 1)
    elif kind == "string":
        yield from _faults_of_string(schema, at)


def _faults_of_object(schema: dict[str, Any], at: str, levels: int) -> Iterator[str]:
    properties = schema.get("properties")
    if schema.get("additionalProperties") is not False:
        yield f"{at}/additionalProperties"
    if not isinstance(properties, dict) or len(properties) > _MOST_FIELDS:
        yield f"{at}/properties"
        return
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(each, str) and each in properties for each in required):
        yield f"{at}/required"
    for name, inner in properties.items():
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
            yield f"{at}/properties"
        else:
            yield from _faults(inner, f"{at}/properties/{name}", levels - 1)


def _faults_of_string(schema: dict[str, Any], at: str) -> Iterator[str]:
    if "enum" not in schema:
        yield from _faults_of_size(schema, at, "maxLength", _LONGEST_TEXT)
    yield from _faults_of_range(schema, at, "minLength", "maxLength")
    longest, choices = schema.get("maxLength", _LONGEST_TEXT), schema.get("enum", [])
    if not isinstance(choices, list) or not all(isinstance(each, str) and len(each) <= longest for each in choices):
        yield f"{at}/enum"
    if schema.get("format", "date") != "date":
        yield f"{at}/format"
    pattern = schema.get("pattern", "^a$")
    if not isinstance(pattern, str) or not _PATTERN.fullmatch(pattern) or len(_VARIABLE.findall(pattern)) > 1:
        yield f"{at}/pattern"


def _faults_of_size(schema: dict[str, Any], at: str, keyword: str, most: int) -> Iterator[str]:
    size = schema.get(keyword)
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= most:
        yield f"{at}/{keyword}"


def _faults_of_range(schema: dict[str, Any], at: str, least: str, most: str) -> Iterator[str]:
    """A range that holds nothing could never be filled in."""
    low, high = schema.get(least), schema.get(most)
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield f"{at}/{least}"


def require_types(schema: dict[str, Any], form: dict[str, Any]) -> None:
    """Refuse a draft with unknown fields or values of other types; what is missing or half typed may come later.

    Raises:
        FormRefused
    """
    _require(_loosened(schema), form)


def require_complete(schema: dict[str, Any], form: dict[str, Any]) -> None:
    """Refuse a form that the schema does not admit.

    Raises:
        FormRefused
    """
    _require(schema, form)


def _require(schema: dict[str, Any], form: dict[str, Any]) -> None:
    if _is_deep(form, MOST_DEPTH):
        raise FormRefused(errors=[{"at": "/", "rule": "depth"}])
    if hidden := [{"at": at, "rule": "characters"} for at in islice(_unprintable(form, ""), _MOST_ERRORS)]:
        raise FormRefused(errors=hidden)
    if not _is_storable(form, MOST_FORM_BYTES):
        raise FormRefused(errors=[{"at": "/", "rule": "size"}])
    errors = []
    for error in _validator(json.dumps(schema)).iter_errors(form):
        place = "".join(f"/{part}" for part in error.instance_path) or "/"
        errors.append({"at": place, "rule": str(error.schema_path[-1])})
        if len(errors) == _MOST_ERRORS:
            break
    if errors:
        raise FormRefused(errors=errors)


def _loosened(schema: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in schema.items() if name in _TYPES_ALONE}
    if "properties" in kept:
        kept["properties"] = {name: _loosened(inner) for name, inner in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = _loosened(kept["items"])
    return kept


@lru_cache(maxsize=256)
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    # Rust's `regex` matches in linear time.
    return jsonschema_rs.Draft202012Validator(
        json.loads(schema), validate_formats=True, offline=True, pattern_options=jsonschema_rs.RegexOptions()
    )


def _unprintable(value: object, at: str) -> Iterator[str]:
    """Where a text holds what no reader sees, or what turns the text around it; lines may end."""
    if isinstance(value, str):
        if not is_visible(value.replace("\n", " ")):
            yield at
    elif isinstance(value, dict | list):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _unprintable(inner, f"{at}/{name}")


def _is_deep(value: object, levels: int) -> bool:
    """Whether it has more levels than any schema can have."""
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return levels == 0 or any(_is_deep(each, levels - 1) for each in inner)
    return False


def _is_storable(value: dict[str, Any], most_bytes: int) -> bool:
    """Whether it is JSON within a size that PostgreSQL can store: no NaN, no half of a surrogate pair, no U+0000."""
    try:
        written = json.dumps(value, ensure_ascii=False, allow_nan=False)
        return len(written.encode()) <= most_bytes and not _NUL.search(written)
    except (ValueError, RecursionError):  # and UnicodeEncodeError
        return False
