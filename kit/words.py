"""What people read, in JSON catalogues: a folder with one file for each language, named after its BCP 47 tag."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from chassis.problems import DEFAULT_LANGUAGE, preferred_language
from chassis.text import nearest_tag

Words = dict[str, str]
_MOST_LANGUAGES = 20
_LONGEST_HEADER = 200


@cache
def catalogues(folder: Path) -> dict[str, Words]:
    """The words of all languages by the names of their files; Chinese first."""
    files = sorted(folder.glob("*.json"), key=lambda file: (file.stem != DEFAULT_LANGUAGE, file.stem))
    return {file.stem: json.loads(file.read_text("utf-8")) for file in files}


def choose(known: Iterable[str], accept_language: str, ui_locales: str = "") -> str:
    """The language for a reader: the app's request before the browser's; Chinese when there is neither.

    Args:
        known: the tags of the available files.
        accept_language: the header as it came.
        ui_locales: OpenID Connect's list of tags with spaces between them, the best first.
    """
    tags = frozenset(known)
    requested = (nearest_tag(tag, tags) for tag in ui_locales.split()[:_MOST_LANGUAGES])
    return next(filter(None, requested), None) or preferred_language(accept_language[:_LONGEST_HEADER], tags)
