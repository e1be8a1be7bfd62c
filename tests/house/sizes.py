"""Functions and files stay short enough to be read at once."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import Fault, files

FUNCTION_LINES = 40
FILE_LINES = 300


def faults(root: Path) -> Iterator[Fault]:
    for path in files(root):
        if path.endswith(".py") and "migrations" not in Path(path).parts:
            yield from too_long(path, (root / path).read_text("utf-8"))


def too_long(path: str, source: str) -> Iterator[Fault]:
    lines = len(source.splitlines())
    if lines > FILE_LINES:
        yield Fault(path, 1, f"the file has {lines} lines, {FILE_LINES} are allowed: move one of its subjects out.")
    for node in ast.walk(ast.parse(source, path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                sentence = f"{node.name} has {length} lines, {FUNCTION_LINES} are allowed: split it by its steps."
                yield Fault(path, node.lineno, sentence)
