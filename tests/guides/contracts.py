"""Operations, names and codes of the contracts and the code."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from contracts.compatibility.document import METHODS
from contracts.reference_provider import server
from tests.guides.markdown import ROOT

_CODE = re.compile(r"[a-z][a-z0-9_]*")
CATEGORIES = ROOT / "contracts/reference_data/mini_app_categories.csv"
WORKFLOWS = ROOT / "contracts/reference_data/workflows.json"
PACKAGES = ("chassis", "kit", "gateway", "svc_identity", "svc_services", "svc_payments", "svc_miniapps")


@cache
def documents() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(file.read_text("utf-8")) for file in sorted((ROOT / "contracts/openapi").glob("*.json")))


@cache
def operations() -> frozenset[tuple[str, str]]:
    """Method and path of every operation that the contracts offer."""
    return frozenset(
        (method.upper(), path)
        for document in documents()
        for path, offered in document["paths"].items()
        for method in METHODS
        if method in offered
    )


@cache
def of_companies() -> frozenset[tuple[str, str]]:
    """The operations of a company, by the reference implementation."""
    # Only the routes are read, so the server needs neither books nor keys.
    create_app: Callable[..., Starlette] = server.create_app
    routes = [route for route in create_app(None, None, None, None).routes if isinstance(route, Route)]
    return frozenset((method, route.path) for route in routes for method in route.methods or ())


def operation_of(method: str, path: str) -> tuple[str, str] | None:
    """The operation of a request, by its path without a query."""
    found = [
        template
        for known, template in operations()
        if known == method and re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path)
    ]
    literal = sorted(found, key=lambda template: template.count("{"))
    return (method, literal[0]) if literal else None


def _names(value: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a document
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)
    elif isinstance(value, str) and _CODE.fullmatch(value):
        yield value


def _strings(package: str) -> Iterator[str]:
    """Every name that the code itself writes: members, statuses, codes, actions, as strings and as fields."""
    for file in (ROOT / package).rglob("*.py"):
        if "migrations" in file.parts:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value):
                yield node.value
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield node.target.id
            elif isinstance(node, ast.keyword) and node.arg:
                yield node.arg


@cache
def codes() -> frozenset[str]:
    """The code of every refusal: each is assigned to `code` in a class, or has its words in a catalogue."""
    found: set[str] = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("messages/*.json"):
            found |= json.loads(file.read_text("utf-8")).keys()
    return frozenset(found)


@cache
def vocabulary() -> frozenset[str]:
    """Every name that a guide may put in code type: of the contracts, of the refusals, of workflows, of companies."""
    known = {name for document in documents() for name in _names(document)} | codes()
    known |= {segment for _, path in operations() for segment in path.split("/")}
    known |= {row.partition(",")[0] for row in CATEGORIES.read_text("utf-8").splitlines()}
    known |= json.loads(WORKFLOWS.read_text("utf-8"))["labels"].keys()
    for package in (*PACKAGES, "contracts/reference_provider"):
        known |= set(_strings(package))
    return frozenset(known)
