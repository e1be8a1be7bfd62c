"""What people read on pages of this service, one file per language."""

import json
from functools import cache
from pathlib import Path

from chassis.problems import DEFAULT_LANGUAGE

Texts = dict[str, str]


@cache
def languages() -> dict[str, Texts]:
    """The texts of all languages by their primary subtag; Chinese first."""
    files = sorted(Path(__file__).parent.glob("*.json"), key=lambda file: (file.stem != DEFAULT_LANGUAGE, file.stem))
    return {file.stem: json.loads(file.read_text("utf-8")) for file in files}
