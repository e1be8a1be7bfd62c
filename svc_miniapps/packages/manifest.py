"""The manifest of a package: W3C MiniApp Manifest, and that it speaks of this app, this version and these files."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs

from kit.strict_json import DuplicateMemberError, members
from svc_miniapps.fields import key_of
from svc_miniapps.packages.findings import Finding
from svc_miniapps.packages.names import PAGES

FILE = "manifest.json"
MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_VALUES = 5_000
"""Numbers, texts, lists and objects together; each may be a fault, which takes more room than what is at fault."""
_NUL = re.compile(r"(?<!\\)(\\\\)*\\u0000")  # as JSON writes the character, not a backslash followed by u0000


@dataclass(frozen=True)
class Expected:
    """What a manifest must contain, from the registration and the upload's address."""

    app_id: UUID
    name: str
    version_code: int
    latest_version_code: int
    """The highest one uploaded so far; 0 before the first."""


def read_manifest(content: bytes) -> dict[str, Any] | Finding:
    """The manifest as JSON that every reader understands alike, and that PostgreSQL can store."""
    if content.startswith(b"\xef\xbb\xbf"):
        return Finding("manifest_byte_order_mark", FILE)
    try:
        manifest = json.loads(content.decode("utf-8"), object_pairs_hook=members)
    except (ValueError, RecursionError) as error:
        return _why_no_json(error)
    if finding := _why_unbearable(manifest):
        return finding
    if not isinstance(manifest, dict):
        return Finding("manifest_wrong_type", FILE, {"at": "/", "expected": "object"})
    return manifest


def _why_unbearable(manifest: object) -> Finding | None:
    if not _is_shallow(manifest, MAX_DEPTH):
        return Finding("manifest_too_deep", FILE, {"limit": MAX_DEPTH})
    if _count(manifest) > MAX_VALUES:
        return Finding("manifest_too_many_values", FILE, {"limit": MAX_VALUES})
    return None if _is_storable(manifest) else Finding("manifest_impossible_value", FILE)


def _why_no_json(error: Exception) -> Finding:
    if isinstance(error, UnicodeDecodeError):
        return Finding("manifest_not_utf8", FILE)
    if isinstance(error, DuplicateMemberError):
        return Finding("manifest_duplicate_member", FILE, {"name": str(error)})
    if isinstance(error, json.JSONDecodeError):
        return Finding("manifest_not_json", FILE, {"line": error.lineno, "column": error.colno})
    return Finding("manifest_not_json", FILE, {"line": 1, "column": 1})  # thousands of digits, or of brackets


def _is_shallow(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(part, levels - 1) for part in inner)


def _count(value: object) -> int:
    if not isinstance(value, dict | list):
        return 1
    return 1 + sum(map(_count, value.values() if isinstance(value, dict) else value))


def _is_storable(manifest: object) -> bool:
    """No NaN or infinity, no half of a surrogate pair, no U+0000."""
    try:
        text = json.dumps(manifest, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError:  # and UnicodeEncodeError
        return False
    return not _NUL.search(text)


def check_manifest(manifest: dict[str, Any], paths: Collection[str], expected: Expected) -> Iterator[Finding]:
    """Everything wrong with a manifest; its relations are looked at only when its shape is right."""
    faults = [_finding(error) for error in _validator().iter_errors(manifest)]
    yield from faults
    if not faults:
        yield from _check_identity(manifest, expected)
        yield from _check_files(manifest, paths)


def _check_identity(manifest: dict[str, Any], expected: Expected) -> Iterator[Finding]:
    version_code = manifest["version"]["code"]
    if manifest["app_id"] != str(expected.app_id):
        yield Finding("other_app_id", FILE, {"expected": str(expected.app_id)})
    if key_of(manifest["name"]) != key_of(expected.name):
        yield Finding("other_name", FILE, {"expected": expected.name})
    if version_code != expected.version_code:
        yield Finding("other_version_code", FILE, {"expected": expected.version_code})
    if expected.version_code <= expected.latest_version_code:
        yield version_too_low(expected.latest_version_code)


def version_too_low(latest_version_code: int) -> Finding:
    return Finding("version_too_low", FILE, {"latest": latest_version_code})


def _check_files(manifest: dict[str, Any], paths: Collection[str]) -> Iterator[Finding]:
    for place, route in enumerate(manifest["pages"]):
        # A route may leave out `.html`, and may begin with the root's slash.
        path = route.removeprefix("/")
        if not path.startswith(PAGES):
            yield Finding("page_outside_pages", FILE, {"at": f"/pages/{place}", "path": route})
        elif path not in paths and f"{path}.html" not in paths:
            yield Finding("page_missing", FILE, {"at": f"/pages/{place}", "path": route})
    for place, icon in enumerate(manifest["icons"]):
        if icon["src"].removeprefix("/") not in paths:
            yield Finding("icon_missing", FILE, {"at": f"/icons/{place}/src", "path": icon["src"]})
    for place, widget in enumerate(manifest.get("widgets", ())):
        path = widget["path"].removeprefix("/")
        if path not in paths and f"{path}.html" not in paths:
            yield Finding("widget_missing", FILE, {"at": f"/widgets/{place}/path", "path": widget["path"]})


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(Path(__file__).with_name("manifest.schema.json").read_text("utf-8"))
    return schema


@cache
def _validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(_schema())


def _finding(error: jsonschema_rs.ValidationError) -> Finding:
    """The validator's error as a finding; the value itself is not repeated, since it may be anything."""
    at = "/" + "/".join(str(part) for part in error.instance_path)
    kind = error.kind
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        return Finding("manifest_member_missing", FILE, {"at": at, "name": kind.property})
    keyword = str(error.schema_path[-1])
    rule: Any = _schema()
    for part in error.schema_path:
        rule = rule[part]
    if keyword == "type":
        expected = rule if isinstance(rule, str) else " | ".join(rule)
        return Finding("manifest_wrong_type", FILE, {"at": at, "expected": expected})
    return Finding("manifest_wrong_value", FILE, {"at": at, "rule": f"{keyword} {json.dumps(rule)}"})
