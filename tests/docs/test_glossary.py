"""The glossary is what the texts use."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LANGUAGES = ("zh", "kk-Arab", "ug")
TERMS = [
    re.split(r" *\| *", line.strip("| "))
    for line in (ROOT / "docs/glossary.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| Chinese", "| ---"))
]


def texts(language: str) -> str:
    packages = ("chassis", "kit", "gateway", "svc_identity", "svc_services", "svc_payments", "svc_miniapps")
    files = (file for package in packages for file in (ROOT / package).rglob(f"{language}.json"))
    return "\n".join(file.read_text("utf-8") for file in files)


@pytest.mark.parametrize(("place", "language"), list(enumerate(LANGUAGES)), ids=LANGUAGES)
def test_every_term_is_used_and_stands_once(place: int, language: str) -> None:
    assert len(TERMS) > 50
    written, terms = texts(language), [row[place] for row in TERMS]
    assert [term for term in terms if term not in written] == []
    assert len(set(terms)) == len(terms)
