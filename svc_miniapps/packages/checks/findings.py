"""The faults of a package: each with its place and its remedy, in the reader's language.

The texts are in `messages/<language>.json` beside this folder: `title` names the fault, `detail` the remedy.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

MOST = 100
"""Checks stop after so many: more would take time and memory, and nobody reads them."""
DEFAULT_LANGUAGE = "zh"
_SHOWN = 200
"""Characters of a name or a value; the file that is refused chose them, and may have chosen very many."""
_FROM_RIGHT_TO_LEFT = frozenset({"kk-Arab", "ug"})
_MESSAGES = Path(__file__).parents[1] / "messages"


@dataclass(frozen=True)
class Finding:
    code: str
    member: str | None = None
    """The file of the package it is about; None when it is about the package as a whole."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The values for the placeholders."""

    @property
    def line(self) -> int | None:
        return self.values.get("line")

    def render(self, language: str) -> dict[str, Any]:
        words = _words(self.code, language)
        member = None if self.member is None else _shown(self.member)
        shown = {"member": member, **{name: _shown(value) for name, value in self.values.items()}}
        if language in _FROM_RIGHT_TO_LEFT:  # else 2026-01-31 is read 31-01-2026 in such a text
            shown = {name: f"\u2068{value}\u2069" for name, value in shown.items()}
        return {
            "code": self.code,
            "member": member,
            "line": self.line,
            "message": words["title"].format_map(shown),
            "what_to_do": words["detail"].format_map(shown),
        }


def first_of(findings: Iterable[Finding]) -> list[Finding]:
    """The first findings; the rest is not even looked for, which the last one then says."""
    found = list(islice(findings, MOST))
    return found if len(found) < MOST else [*found[:-1], Finding("too_many_findings", values={"limit": MOST - 1})]


def _shown(value: object) -> str:
    """A value as it can be answered: of bearable length, and without halves of characters, which JSON cannot carry."""
    text = str(value).encode("utf-8", "replace").decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


@cache
def messages(language: str) -> Mapping[str, Mapping[str, str]]:
    """The texts of a language; those of the default one where there are none."""
    file = _MESSAGES / f"{language}.json"
    if language not in languages():
        file = _MESSAGES / f"{DEFAULT_LANGUAGE}.json"
    texts: Mapping[str, Mapping[str, str]] = json.loads(file.read_text("utf-8"))
    return texts


@cache
def languages() -> frozenset[str]:
    return frozenset(file.stem for file in _MESSAGES.glob("*.json"))


def _words(code: str, language: str) -> Mapping[str, str]:
    return messages(language).get(code) or messages(DEFAULT_LANGUAGE)[code]
