"""The privacy notice and the user agreement, by version and language.

A version is a folder of `versions/`, named after its date, and holds both documents in every language; it never changes
once somebody has agreed to it. The newest one is in force.
"""

from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

from svc_identity.texts import choose_language, languages

_VERSIONS = Path(__file__).parent / "versions"
_HEADING, _ITEM = "## ", "- "


class DocumentName(StrEnum):
    PRIVACY_NOTICE = "privacy_notice"
    USER_AGREEMENT = "user_agreement"


class Section(NamedTuple):
    heading: str
    paragraphs: tuple[str, ...]
    """In their order; a line of a list is one that follows others like it."""


class Document(NamedTuple):
    name: DocumentName
    version: str
    language: str
    title: str
    sections: tuple[Section, ...]


@cache
def versions() -> tuple[str, ...]:
    """All versions, the one in force last."""
    return tuple(sorted(folder.name for folder in _VERSIONS.iterdir() if folder.is_dir()))


def version_in_force() -> str:
    return versions()[-1]


def document(name: DocumentName, version: str, accept_language: str, ui_locales: str = "") -> Document | None:
    """A document in the reader's language; None where there is no such version."""
    if version not in versions():
        return None
    return _read(name, version, choose_language(ui_locales, accept_language))


@cache
def _read(name: DocumentName, version: str, language: str) -> Document:
    text = (_VERSIONS / version / f"{name}.{language}.md").read_text("utf-8")
    title, *parts = text.removeprefix("# ").split(f"\n{_HEADING}")
    sections = (part.strip().split("\n") for part in parts)
    shown = tuple(Section(heading, tuple(line for line in lines if line)) for heading, *lines in sections)
    return Document(name, version, languages()[language]["tag"], title.strip(), shown)
