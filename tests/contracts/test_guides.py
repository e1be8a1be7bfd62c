"""What guides show in a request's body is what the contracts have there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = (
    "docs/guides/app-developers.md",
    "docs/guides/counters-and-books.md",
    "docs/operations.md",
    "contracts/reference_provider/README.md",
)
_SHOWN = re.compile(r"`(POST|PUT) (/[^\s`?]+)`[ :：\n]*(?:`(\{.*?\})`|```json\n\s*(\{.*?\})\n)", re.DOTALL)


def contract_of(path: str) -> dict[str, Any]:
    for file in (ROOT / "contracts/openapi").glob("*.json"):
        document: dict[str, Any] = json.loads(file.read_text("utf-8"))
        if path in document["paths"]:
            return document
    raise LookupError(path)


def members(document: dict[str, Any], schema: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a schema
    """Every member that a body may have, at any depth."""
    if isinstance(schema, list):
        for each in schema:
            yield from members(document, each)
    elif isinstance(schema, dict):
        if reference := schema.get("$ref"):
            yield from members(document, document["components"]["schemas"][reference.rsplit("/", 1)[-1]])
        yield from schema.get("properties", {})
        for inner in schema.get("properties", {}).values():
            yield from members(document, inner)
        for part in ("items", "anyOf", "oneOf", "allOf"):
            yield from members(document, schema.get(part))


@pytest.mark.parametrize("guide", GUIDES)
def test_bodies_name_what_the_contracts_have(guide: str) -> None:
    for method, path, inline, block in _SHOWN.findall((ROOT / guide).read_text("utf-8")):
        document = contract_of(path)
        body = document["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
        text = re.sub(r':\s*"[^"]*"', ":", inline or block)
        named = set(re.findall(r'"(\w+)"(?=\s*[:,}])' if '"' in text else r"\w+", text))
        assert named
        assert {name for name in named if not name.isdecimal()} <= set(members(document, body)), (method, path)


def test_the_guides_show_bodies() -> None:
    shown = [found for guide in GUIDES for found in _SHOWN.findall((ROOT / guide).read_text("utf-8"))]
    assert len(shown) > 20
