"""A process of its own that parses scripts: its memory and its time are limited by the system, whatever a script holds.

It reads the length of a script in a line and then the script, again and again, and answers each with one line of JSON:
the facts of the script, or nothing once it was stopped. It needs tree-sitter and the standard library only.
"""

import contextlib
import json
import sys
from typing import IO

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser, TreeCursor

from svc_miniapps.packages.checks.conduct import Conduct, Fact

MEMORY_BYTES = 54 * 1024 * 1024
"""Of data; the code of Python and tree-sitter is beside it."""
CPU_SECONDS = 10
MOST_NODES = 3_000_000
"""Of all scripts of a package together: about a node for each byte of dense code."""
_LANGUAGE = Language(tree_sitter_javascript.language())


class TooComplexError(Exception):
    """What is left of the package would take too long."""


class Scanner:
    """Reads the scripts of one package."""

    def __init__(self, uses: frozenset[str], most_nodes: int = MOST_NODES) -> None:
        self._uses, self._left = uses, most_nodes

    def facts_of(self, script: bytes) -> list[Fact]:
        """What a script does that has to be judged; of its uses of the runtime only these.

        Raises:
            TooComplexError
        """
        root = Parser(_LANGUAGE).parse(script).root_node
        if root.has_error:
            line, column = _first_error(root)
            return [("error", line, str(column))]
        conduct = Conduct(self._uses)
        self._walk(root, conduct)
        return conduct.facts()

    def _walk(self, root: Node, conduct: Conduct) -> None:
        cursor, above = root.walk(), list[Node]()
        while (node := cursor.node) is not None:
            self._left -= 1
            if self._left < 0:
                raise TooComplexError
            conduct.visit(node, above, cursor.field_name)
            if cursor.goto_first_child():
                above.append(node)
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return
                above.pop()


def _first_error(root: Node) -> tuple[int, int]:
    cursor = root.walk()
    while True:
        node = cursor.node
        if node is None or node.is_error or node.is_missing or not _enter_error(cursor):
            place = root.start_point if node is None else node.start_point
            return place.row + 1, place.column + 1


def _enter_error(cursor: TreeCursor) -> bool:
    """Move to the first child that has the error; False if none has."""
    if not cursor.goto_first_child():
        return False
    while cursor.node is not None and not (cursor.node.has_error or cursor.node.is_missing):
        if not cursor.goto_next_sibling():
            return False
    return True


def _limit() -> None:
    """Whatever a script makes the parser do, the system ends this process before it takes more."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows, where a team's own computer has to bear it

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


def main(scripts: IO[bytes], answers: IO[bytes], uses: frozenset[str]) -> None:
    _limit()
    scanner = Scanner(uses)
    while length := scripts.readline():
        facts = scanner.facts_of(scripts.read(int(length)))
        answers.write(json.dumps(facts).encode() + b"\n")
        answers.flush()


def run() -> None:
    with contextlib.suppress(TooComplexError):
        main(sys.stdin.buffer, sys.stdout.buffer, frozenset(sys.argv[2:]))
