"""What guides show in a request's body is what the contracts have there: the platform ignores a misspelt member."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.guides.contracts import WORKFLOWS, documents, operation_of
from tests.guides.markdown import LANGUAGES, NAMES, steps

_SENT = re.compile(
    r"curl -X (POST|PUT|PATCH) \"\$GATEWAY(/[^\"?]+)"
    r"[^\n]*(?:\\\n[^\n]*?)*? -d "
    r"(?:@- <<END\n(.*?)\nEND|'(.*?)'|\"((?:\\.|[^\"])*)\")",
    re.DOTALL,
)


def contract_of(path: str) -> dict[str, Any]:
    for document in documents():
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


def fields_of_forms() -> set[str]:
    """The fields of the starter workflows' forms; the contracts leave them to the workflow."""
    workflows = json.loads(WORKFLOWS.read_text("utf-8"))["workflows"]
    return {field for each in workflows for field in each["form"]["properties"]}


def members_of(method: str, path: str) -> set[str]:
    document = contract_of(path)
    body = document["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    named = set(members(document, body))
    return named | fields_of_forms() if "form" in named else named


def sent_bodies(name: str, language: str) -> Iterator[tuple[str, str, str]]:
    """Method, path and body of every request with a JSON body that a guide shows."""
    for step in steps(name, language):
        for method, address, here, single, double in _SENT.findall(step.commands):
            body = here or single or double.replace('\\"', '"')
            operation = operation_of(method, re.sub(r"\$(?:\([^)]*\)|\w+)", "x", address))
            assert operation, f"{step.where}: {method} {address}"
            yield *operation, body


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_bodies_of_guides_name_what_the_contracts_have(name: str, language: str) -> None:
    shown = list(sent_bodies(name, language))
    assert shown
    for method, path, body in shown:
        named = set(re.findall(r'"(\w+)"\s*:', body))
        assert {each for each in named if not each.isdecimal()} <= members_of(method, path), (method, path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_guides_show_bodies(language: str) -> None:
    assert len([body for name in NAMES for body in sent_bodies(name, language)]) > 40
