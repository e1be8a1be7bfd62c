"""What people read when something is refused: every code and every reason in every language."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from chassis.problems import DEFAULT_LANGUAGE, catalogue
from svc_payments.ledger.derivations import CHECKS

SERVICES = ("svc_identity", "svc_services", "svc_payments", "svc_miniapps")
PACKAGES = ("chassis", "kit", "gateway", *SERVICES, "svc_miniapps.packages")
ROOT = Path(__file__).parents[2]
OF_THE_OPERATOR = {"settings", "settings.py", "keys.py", "key_rotation.py", "apps.py", "resource_servers.py"}
"""Their refusals are read by the operator who starts the process or runs the command, in English."""


@pytest.mark.parametrize("package", PACKAGES)
def test_every_refusal_names_the_same_values_in_every_language(package: str) -> None:
    spoken = {
        language: {
            code: {name for part in ("title", "detail") for name in named(words.get(part, ""))}
            for code, words in messages.items()
            if "detail" in words
        }
        for language, messages in catalogue(package).items()
    }
    assert DEFAULT_LANGUAGE in spoken
    for messages in spoken.values():
        assert messages == spoken[DEFAULT_LANGUAGE]


def named(words: str) -> Iterator[str]:
    return (field for _, field, _, _ in Formatter().parse(words) if field)


@pytest.mark.parametrize("package", SERVICES)
def test_every_reason_a_value_is_refused_for_is_translated(package: str) -> None:
    reasons = {
        sentence
        for file in (ROOT / package).rglob("*.py")
        if not OF_THE_OPERATOR & set(file.relative_to(ROOT / package).parts)
        for sentence in refusing_sentences(file)
    }
    translated = {key for key in catalogue(package)[DEFAULT_LANGUAGE].get("invalid_request", {}) if " " in key}
    assert translated == reasons


def refusing_sentences(file: Path) -> Iterator[str]:
    """The English sentences with which models refuse values, and by which their translations are found."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if (
            isinstance(node, ast.Raise)
            and isinstance(node.exc, ast.Call)
            and ast.unparse(node.exc.func) == "ValueError"
        ):
            yield from (str(part.value) for part in node.exc.args if isinstance(part, ast.Constant))


@pytest.mark.parametrize("package", PACKAGES)
def test_people_read_amounts_in_yuan(package: str) -> None:
    """Fen are for the members of a problem: `money()` gives a sentence its amounts."""
    for language, messages in catalogue(package).items():
        for code, words in messages.items():
            for text in words.values():
                assert not [name for name in named(text) if name.endswith("fen")], (language, code)
                assert "fen " not in text, (language, code)


def test_the_findings_about_the_ledger_are_in_yuan() -> None:
    assert not [check.sentence for check in CHECKS if " fen" in check.sentence]
