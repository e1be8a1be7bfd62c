"""The faults of a package: all of them at once, each with its place and its remedy, in the reader's language.

The texts are in `messages/<language>.json` of this package: `title` names the fault, `detail` the remedy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chassis.problems import DEFAULT_LANGUAGE, Problem, Values, catalogue

REPORTED = 100
"""The most findings shown; the answer has the total."""
_SHOWN = 200
"""Characters of a name or a value; the file that is refused chose them, and may have chosen very many."""


@dataclass(frozen=True)
class Finding:
    code: str
    member: str | None = None
    """The file of the package it is about; None when it is about the package as a whole."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """The values for the placeholders."""

    def render(self, language: str) -> dict[str, Any]:
        words = _words(self.code, language)
        member = None if self.member is None else _shown(self.member)
        shown = {"member": member, **{name: _shown(value) for name, value in self.values.items()}}
        values = Values(shown, language)
        return {
            "code": self.code,
            "member": member,
            "message": words["title"].format_map(values),
            "what_to_do": words["detail"].format_map(values),
        }


def _shown(value: object) -> str:
    """A value as it can be answered: of bearable length, and without halves of characters, which JSON cannot carry."""
    text = str(value).encode("utf-8", "replace").decode()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class PackageRefused(Problem):
    status, code = 422, "package_refused"

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(count=len(findings))
        self.findings = findings

    def render(self, language: str) -> dict[str, Any]:
        findings = [finding.render(language) for finding in self.findings[:REPORTED]]
        return {**super().render(language), "findings": findings}


def _words(code: str, language: str) -> Mapping[str, str]:
    words = catalogue("svc_miniapps.packages")
    return words.get(language, {}).get(code) or words[DEFAULT_LANGUAGE][code]
