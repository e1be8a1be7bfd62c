"""What a reviewer checks of every release: data, in `checklist.json`, with its words in each language."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path


@cache
def checklist() -> Mapping[str, Mapping[str, str]]:
    """The words of each item by language, by the item's code; in the order in which they are checked."""
    items: dict[str, dict[str, str]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return items
