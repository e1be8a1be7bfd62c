"""A process of its own that parses scripts: its memory and its time are limited by the system, whatever a script holds.

It reads the length of a script in a line and then the script, again and again, and answers each with one line of JSON:
the facts of the script, or nothing once it was stopped. It imports tree-sitter and the standard library only.
"""

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from typing import IO

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser, Query, QueryCursor, TreeCursor

MEMORY_BYTES = 54 * 1024 * 1024
"""Of data; the code of Python and tree-sitter is beside it."""
CPU_SECONDS = 20
MOST_FACTS = 200
_LANGUAGE = Language(tree_sitter_javascript.language())
# What says which addresses, which functions and which parts of the runtime a script uses.
_QUERY = Query(
    _LANGUAGE,
    """
    (call_expression function: [(identifier) (member_expression) (subscript_expression) (parenthesized_expression)
        (import)] @callee arguments: (arguments))
    (new_expression constructor: (_) @constructor)
    (import_statement source: (string) @source)
    (export_statement source: (string) @source)
    (string) @text
    (template_string) @text
    (member_expression) @member
    [(jsx_element) (jsx_self_closing_element)] @jsx
    """,
)
_MAKERS = frozenset({"eval", "Function", "execScript"})
_TIMERS = frozenset({"setTimeout", "setInterval", "setImmediate"})
_LOADERS = frozenset({"import", "importScripts", "Worker", "SharedWorker"})
_GLOBALS = ("window.", "globalThis.", "self.", "top.", "parent.", "frames.")
_SCHEMES = ("http:", "https:", "ws:", "wss:", "ftp:", "data:", "blob:", "javascript:")
_LONGEST_PATH = 200
_LONGEST_ADDRESS = 500

_PATH = re.compile(r"[/?#$\s]")
"""What ends the name of a server; `${` in a template does."""

Said = tuple[str, str]
"""What it is, and its words."""
Fact = tuple[str, int, str]
"""The same with the line."""


def facts_of(script: bytes, uses: frozenset[str]) -> list[Fact]:
    """What a script does that has to be judged; of its uses of the runtime only these."""
    root = Parser(_LANGUAGE).parse(script).root_node
    if root.has_error:
        line, column = _first_error(root)
        return [("error", line, str(column))]
    found = dict[Said, int]()
    # The same thing again is no other fact, so that many harmless ones do not hide the one that matters.
    for name, nodes in QueryCursor(_QUERY).captures(root).items():
        most = len(found) + MOST_FACTS
        for node in nodes:
            for said in _FACTS[name](node, uses):
                found.setdefault(said, node.start_point.row + 1)
            if len(found) >= most:
                break
    return [(kind, line, words) for (kind, words), line in found.items()]


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


def _words(node: Node) -> str:
    text = node.text or b""
    return "" if len(text) > _LONGEST_PATH else "".join(text.decode("utf-8", "replace").split())


def _plain(path: str) -> str:
    """A path without the object of all globals, in whichever way it is written: window["eval"] is eval."""
    path = path.replace("?.", ".").replace('["', ".").replace("['", ".").replace('"]', "").replace("']", "")
    path = path.removeprefix("(0,").removesuffix(")")
    for name in _GLOBALS:
        path = path.removeprefix(name)
    return path


def _callee(node: Node, _uses: frozenset[str]) -> Iterator[Said]:
    name = _plain(_words(node))
    if name in _MAKERS or ((name in _TIMERS or name.endswith(".constructor")) and _is_text(_first_argument(node))):
        yield "eval", name
    elif name in _LOADERS:
        yield from _loaded(_first_argument(node))


def _constructor(node: Node, _uses: frozenset[str]) -> Iterator[Said]:
    name = _plain(_words(node))
    if name in _MAKERS:
        yield "eval", f"new {name}"
    elif name in _LOADERS:
        yield from _loaded(_first_argument(node))


def _source(node: Node, _uses: frozenset[str]) -> Iterator[Said]:
    yield from _loaded(node)


def _loaded(node: Node | None) -> Iterator[Said]:
    if node is not None and _is_address(value := _value(node)):
        yield "remote", value


def _text(node: Node, _uses: frozenset[str]) -> Iterator[Said]:
    value = _value(node)
    if "//" in value and _is_address(value):
        scheme, _, rest = value.partition("//")
        yield "address", f"{scheme}//{_PATH.split(rest, maxsplit=1)[0]}"


def _member(node: Node, uses: frozenset[str]) -> Iterator[Said]:
    path = _plain(_words(node))
    if path in uses:
        yield "use", path


def _jsx(node: Node, _uses: frozenset[str]) -> Iterator[Said]:
    """No runtime reads it; it has to be compiled."""
    yield "error", str(node.start_point.column + 1)


def _first_argument(node: Node) -> Node | None:
    call = node.parent
    arguments = None if call is None else call.child_by_field_name("arguments")
    if arguments is None:
        return None
    return next((each for each in arguments.named_children if each.type != "comment"), None)


def _is_text(node: Node | None) -> bool:
    if node is None:
        return False
    if node.type == "binary_expression":  # "go(" + number + ")"
        return any(_is_text(side) for side in node.named_children[:2])
    return node.type in {"string", "template_string"}


def _value(node: Node) -> str:
    text = (node.text or b"")[: _LONGEST_ADDRESS + 2].decode("utf-8", "replace")
    return text.strip("\"'`").replace("\\/", "/").strip()


def _is_address(value: str) -> bool:
    return value.startswith("//") or value.lower().startswith(_SCHEMES)


_FACTS = {
    "callee": _callee,
    "constructor": _constructor,
    "source": _source,
    "text": _text,
    "member": _member,
    "jsx": _jsx,
}


def _limit() -> None:
    """Whatever a script makes the parser do, the system ends this process before it takes more."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # not on Windows, where a team's own computer has to bear it

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


def main(scripts: IO[bytes], answers: IO[bytes], uses: frozenset[str]) -> None:
    _limit()
    while length := scripts.readline():
        facts = facts_of(scripts.read(int(length)), uses)
        answers.write(json.dumps(facts).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer, frozenset(sys.argv[1:]))
