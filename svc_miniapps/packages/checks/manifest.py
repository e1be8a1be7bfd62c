"""The manifest of a package: W3C MiniApp Manifest, and that it speaks of this app, this version and these files."""

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs

from svc_miniapps.packages.checks import texts
from svc_miniapps.packages.checks.findings import Finding
from svc_miniapps.packages.checks.json_text import JsonFaultError, read_json

FILE = "manifest.json"
MAX_BYTES = 256 * 1024
_OLDER_MEMBERS = {
    "version_name": "version.name",
    "version_code": "version.code",
    "min_platform_version": "platform_version.min_code",
}
"""Members of the drafts of 2021, and where they went."""


@dataclass(frozen=True)
class Expected:
    """What a package must fit, from the registration and the upload's address; None where that is not known."""

    app_id: UUID | None = None
    name: str | None = None
    version_code: int | None = None
    latest_version_code: int = 0
    """The highest one uploaded so far; 0 before the first."""
    domains: frozenset[str] | None = frozenset()
    """The servers that the app may reach; empty: none; None: any."""
    permissions: frozenset[str] | None = None
    """Those that the app was registered with."""
    languages: frozenset[str] | None = None
    """Those that the app declares, as BCP 47 tags."""
    targets: frozenset[str] = frozenset()
    """Further platforms that this package is built for, such as `harmony`."""
    registered_targets: frozenset[str] | None = None
    """Those that the app was registered with."""


def read_manifest(content: bytes) -> dict[str, Any] | Finding:
    """The manifest as JSON that every reader understands alike, and that PostgreSQL can store."""
    try:
        manifest = read_json(content)
    except JsonFaultError as fault:
        return Finding(f"manifest_{fault.kind}", FILE, fault.values)
    if not isinstance(manifest, dict):
        return Finding("manifest_wrong_type", FILE, {"at": "/", "expected": "object"})
    return manifest


def check_manifest(manifest: dict[str, Any], expected: Expected) -> Iterator[Finding]:
    """What is wrong with a manifest; what it says is looked at only when its shape is right."""
    is_sound = True
    for name, now in _OLDER_MEMBERS.items():
        if name in manifest:
            is_sound = False
            yield Finding("manifest_older_draft", FILE, {"name": name, "now": now})
    for error in _validator().iter_errors(manifest):
        is_sound = False
        yield _finding(error)
    if is_sound:
        yield from _check_identity(manifest, expected)
        yield from texts.check_shown(manifest)


def _check_identity(manifest: dict[str, Any], expected: Expected) -> Iterator[Finding]:
    version_code = manifest["version"]["code"]
    if expected.app_id is not None and manifest["app_id"] != str(expected.app_id):
        yield Finding("other_app_id", FILE, {"expected": str(expected.app_id)})
    if expected.name is not None and _reads_as(manifest["name"]) != _reads_as(expected.name):
        yield Finding("other_name", FILE, {"expected": expected.name})
    if expected.version_code is not None and version_code != expected.version_code:
        yield Finding("other_version_code", FILE, {"expected": expected.version_code})
    if (expected.version_code or version_code) <= expected.latest_version_code:
        yield version_too_low(expected.latest_version_code)
    if expected.permissions is not None:
        for permission in manifest.get("req_permissions", ()):
            if permission["name"] not in expected.permissions:
                yield Finding("permission_not_registered", FILE, {"permission": permission["name"]})


def version_too_low(latest_version_code: int) -> Finding:
    return Finding("version_too_low", FILE, {"latest": latest_version_code})


def _reads_as(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


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
    if keyword == "maxLength":
        return Finding("manifest_text_too_long", FILE, {"at": at, "limit": rule})
    if keyword == "type":
        expected = rule if isinstance(rule, str) else " | ".join(rule)
        return Finding("manifest_wrong_type", FILE, {"at": at, "expected": expected})
    return Finding("manifest_wrong_value", FILE, {"at": at, "rule": f"{keyword} {json.dumps(rule)}"})
