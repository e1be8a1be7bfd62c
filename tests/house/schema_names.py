"""A public schema has a name of the domain.

FastAPI prefixes the module where two models of one service share a class name; such a name changes when the file moves.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import Fault

# Underscores that end a generic's name, as in `Page_Optional_Bill__`, are no module path.
_MODULE_PATH = re.compile(r"[a-z0-9]__[A-Za-z]")


def faults(root: Path) -> Iterator[Fault]:
    for file in sorted((root / "contracts/openapi").glob("*.json")):
        text = file.read_text("utf-8")
        for name in json.loads(text).get("components", {}).get("schemas", {}):
            if _MODULE_PATH.search(name):
                line = text[: text.index(f'"{name}": {{')].count("\n") + 1
                sentence = f"the schema {name} is named after its module: give each of the models a name of its own."
                yield Fault(file.relative_to(root).as_posix(), line, sentence)
