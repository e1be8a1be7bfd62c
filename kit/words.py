"""What people read, in JSON catalogues: a folder with one file for each language, named after its BCP 47 tag."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from chassis.problems import DEFAULT_LANGUAGE
from chassis.text import preferred_tag

Words = dict[str, str]


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
    return preferred_tag(accept_language, frozenset(known), DEFAULT_LANGUAGE, ui_locales)
