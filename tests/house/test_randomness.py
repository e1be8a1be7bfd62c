"""Whatever the platform makes up is unpredictable: no service draws from a generator that can be computed."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("chassis", "kit", "gateway", "svc_identity", "svc_services", "svc_payments", "svc_miniapps")
PREDICTABLE = {"random", "uuid1"}
"""A module, and a function of another one."""


def predictable(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        names = {alias.name for alias in node.names} if isinstance(node, ast.Import | ast.ImportFrom) else set()
        module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        yield from sorted({module, *names} & PREDICTABLE)


def test_no_service_draws_predictable_numbers() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 300
    found = {str(path.relative_to(ROOT)): [*predictable(path.read_text("utf-8"))] for path in files}
    assert {path: names for path, names in found.items() if names} == {}


def test_one_that_does_is_noticed() -> None:
    for source in ("import random", "from random import choice", "def f():\n    from uuid import uuid1"):
        assert [*predictable(source)], source
    assert [*predictable("import secrets")] == []
