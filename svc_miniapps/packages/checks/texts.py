"""Texts that phones show beside an app's name: what a reader sees is what is written, and no other name."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from svc_miniapps.packages.checks.findings import Finding
from svc_miniapps.packages.checks.names import INVISIBLE, TURNS_DIRECTION

FILE = "manifest.json"
_OVERRIDES = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
"""In whole sentences U+200E and U+200F set punctuation right, and joiners shape letters; overrides only deceive."""


def check_shown(manifest: dict[str, Any]) -> Iterator[Finding]:
    for at, text in _names(manifest):
        yield from _check(FILE, at, text, TURNS_DIRECTION, INVISIBLE)
    yield from _check(FILE, "/description", manifest.get("description", ""), _OVERRIDES)
    for place, permission in enumerate(manifest.get("req_permissions", ())):
        yield from _check(FILE, f"/req_permissions/{place}/reason", permission.get("reason", ""), _OVERRIDES)
    short, name = manifest.get("short_name", ""), manifest["name"]
    if not _is_shortened(short, name):
        yield Finding("short_name_differs", FILE, {"expected": name})


def check_translations(path: str, value: object, at: str = "") -> Iterator[Finding]:
    """The texts of a language file, at any depth."""
    if isinstance(value, str):
        yield from _check(path, at, value, _OVERRIDES)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from check_translations(path, inner, f"{at}/{key}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from check_translations(path, inner, f"{at}/{place}")


def _names(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "/name", manifest["name"]
    yield "/short_name", manifest.get("short_name", "")
    for place, icon in enumerate(manifest["icons"]):
        yield f"/icons/{place}/label", icon.get("label", "")
    for place, widget in enumerate(manifest.get("widgets", ())):
        yield f"/widgets/{place}/name", widget["name"]


def _check(path: str, at: str, text: str, *patterns: re.Pattern[str]) -> Iterator[Finding]:
    for pattern in patterns:
        if found := pattern.search(text):
            yield Finding("text_deceives", path, {"at": at[:100], "character": f"U+{ord(found[0]):04X}"})
            return


def _is_shortened(short: str, name: str) -> bool:
    """Whether the short name leaves out characters of the name and has no others: 停车 of 伊宁停车泊位."""
    rest = iter(_plain(name))
    return all(each in rest for each in _plain(short))


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
