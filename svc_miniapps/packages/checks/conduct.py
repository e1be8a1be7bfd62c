"""What a script does that has to be judged: makes code of texts, loads scripts, names servers, uses the runtime.

The syntax tree is read, never the text: comments and spaces do not matter, and names are compared decoded. What cannot
be told for certain counts as done.
"""

import re
from collections.abc import Callable, Sequence
from typing import ClassVar

from tree_sitter import Node

from svc_miniapps.packages.checks.addresses import UNKNOWN, scheme_of, server_of
from svc_miniapps.packages.checks.literals import inner, is_sum, literal, may_be_text, name_of, pieces, text_of
from svc_miniapps.packages.checks.tree import FUNCTIONS, arguments, is_bound, is_field, passes, path, property_name

Fact = tuple[str, int, str]
"""What it is, the line, and its words."""
MOST_FACTS = 1_000
"""Different things that one script does; more are not left out but a fact themselves."""
_MAKERS = frozenset({"eval", "execScript", "Function", "WebAssembly"})
_TIMERS = frozenset({"setTimeout", "setInterval", "setImmediate"})
_CODE = _MAKERS | {"constructor"}
_WATCHED = _CODE | _TIMERS
_LOADERS = frozenset({"importScripts", "Worker", "SharedWorker", "addModule"})
_WRITERS = (["document", "write"], ["document", "writeln"])
_GLOBALS = frozenset({"window", "self", "globalThis", "top", "parent", "frames"})
_OF_PATTERN = 3
"""Nodes above a name in a pattern: its pair, the pattern, and what gets the value."""
_TESTS = frozenset({"unary_expression", "if_statement", "while_statement"})
_COMPARED = frozenset({"===", "!==", "==", "!=", "instanceof", "in"})
_SCOPES = FUNCTIONS | {"function_declaration", "generator_function_declaration", "method_definition", "program"}
_DEEPEST = 20
_MARKUP = re.compile(r"<\s?[a-z!]", re.IGNORECASE)
_STYLE = re.compile(r"url\(|@import|image-set\(", re.IGNORECASE)
_SCRIPT_SCHEMES = frozenset({"javascript", "vbscript"})


class Conduct:
    """Gathers the facts of one script, node by node, in the order of the text."""

    def __init__(self, uses: frozenset[str]) -> None:
        self._uses, self._parts = uses, {use.rpartition(".")[2] for use in uses}
        self._found = dict[tuple[str, str], int]()
        self._within = set[int]()
        self._texts = dict[str, list[tuple[int, int]]]()
        """Names that stand for texts, with the functions in which they do."""
        self._timed = list[tuple[str, int, int]]()
        self._timers = set[str]()
        """Other names of timers."""
        self._called = dict[str, int]()
        """Names that are called with a text."""
        self._roots = dict[str, str]()
        """Other names of the objects that permissions belong to."""
        self._members = list[tuple[str, str, int]]()
        self._declared = set[str]()
        self._field: str | None = None
        self._indexed = dict[str, int]()
        """Names of the object of all globals of which a member is taken that only a run tells."""

    def facts(self) -> list[Fact]:
        for name, place, line in self._timed:
            if any(start <= place < end for start, end in self._texts.get(name, ())):
                self._say("eval", line, f"timer({name})")
        for name in self._timers & self._called.keys():
            self._say("eval", self._called[name], name)
        for name in self._indexed.keys() - self._declared:
            self._say("eval", self._indexed[name], f"{name}[]")
        for root, name, line in self._members:
            if (use := f"{self._roots.get(root, root)}.{name}") in self._uses:
                self._say("use", line, use)
        facts = [(kind, line, words) for (kind, words), line in self._found.items()]
        return facts if len(facts) <= MOST_FACTS else [("unbearable", 1, "")]

    def visit(self, node: Node, above: Sequence[Node], field: str | None) -> None:
        """Judge one node; `field` says what it is of the last one above."""
        if handler := self._ALONE.get(node.type):
            handler(self, node)
        elif placed := self._PLACED.get(node.type):
            self._field = field
            placed(self, node, above)

    def _say(self, kind: str, line: int | Node, words: str) -> None:
        if len(self._found) <= MOST_FACTS:  # one too many tells
            self._found.setdefault((kind, words), line if isinstance(line, int) else line.start_point.row + 1)

    def _name(self, node: Node, above: Sequence[Node]) -> None:
        name = name_of(node)
        if name in _GLOBALS and (above[-1].type == "formal_parameters" or self._field in {"name", "parameter"}):
            self._declared.add(name)
        if name in _WATCHED and (name != "constructor" or node.type.endswith("_pattern")):
            self._judge(name, node, node, above[-_DEEPEST - 1 :])

    def _property(self, node: Node, above: Sequence[Node]) -> None:
        name, parent = name_of(node), above[-1]
        if parent.type == "pair_pattern" and self._field == "key":
            if name in _WATCHED:
                self._say("eval", node, name)
        elif parent.type == "member_expression":
            self._member(name, parent, above[-_DEEPEST - 2 : -1] if name in _WATCHED else ())

    def _subscript(self, node: Node, above: Sequence[Node]) -> None:
        index = node.child_by_field_name("index")
        name = literal(index)
        if name is not None:
            self._member(name, node, above[-_DEEPEST - 1 :])
        elif index is not None and inner(index).type != "number":
            self._index(node, path(node.child_by_field_name("object")))

    def _index(self, node: Node, names: list[str]) -> None:
        """A member of the object of all globals that only a run tells: `window[name]`."""
        if len(names) == 1 and names[0] in _GLOBALS:
            self._indexed.setdefault(names[0], node.start_point.row + 1)

    def _computed(self, node: Node, above: Sequence[Node]) -> None:
        """A computed name in a pattern: `const {["eval"]: run} = window`."""
        if len(above) < _OF_PATTERN or above[-1].type != "pair_pattern" or not node.named_children:
            return
        name = literal(node.named_children[0])
        value = above[-3].child_by_field_name("value") or above[-3].child_by_field_name("right")
        if name in _WATCHED or (
            name is None and value is not None and path(value)[-1:] and path(value)[-1] in _GLOBALS
        ):
            self._say("eval", node, name or "{[]}")

    def _member(self, name: str, node: Node, above: Sequence[Node]) -> None:
        if name in _WATCHED:
            self._judge(name, node, node, above)
        target = node.child_by_field_name("object")
        if name in self._parts and target is not None and (names := path(target)):
            self._members.append((names[-1], name, node.start_point.row + 1))

    def _judge(self, name: str, place: Node, node: Node, above: Sequence[Node]) -> None:
        """Whether a function that makes code is used in another way than the harmless ones."""
        at, lowest = len(above) - 1, max(len(above) - _DEEPEST, 0)
        while at >= lowest and passes(above[at], node):
            node, at = above[at], at - 1
        if at < lowest or not self._is_harmless(name, node, above[at], above[:at]):
            self._say("eval", place, name)

    def _is_harmless(self, name: str, node: Node, parent: Node, above: Sequence[Node]) -> bool:
        if parent.type in _TESTS or (parent.type == "ternary_expression" and is_field(parent, "condition", node)):
            return True
        if parent.type == "binary_expression":
            operator = parent.child_by_field_name("operator")
            left = parent.child_by_field_name("left")
            kind = "" if operator is None else operator.type
            return kind in _COMPARED or (kind == "&&" and left is not None and left.id == node.id)
        if name in _TIMERS:  # the last one takes no text where it exists
            return name == "setImmediate" or self._is_timer_harmless(node, parent, above)
        if parent.type in {"member_expression", "subscript_expression"} and is_field(parent, "object", node):
            further = property_name(parent)
            if name == "Function":
                return further == "prototype"
            return name == "constructor" and further not in {None, "constructor", "call", "apply", "bind"}
        return name == "constructor" and parent.type == "assignment_expression" and is_field(parent, "left", node)

    def _is_timer_harmless(self, node: Node, parent: Node, above: Sequence[Node]) -> bool:
        """A timer that is called is judged by its argument; one with another name by the calls of that name."""
        if parent.type == "call_expression":
            return is_field(parent, "function", node)
        if parent.type == "ternary_expression" and above:
            node, parent = parent, above[-1]
        if parent.type == "variable_declarator" and is_field(parent, "value", node):
            target = parent.child_by_field_name("name")
        elif parent.type == "assignment_expression":
            target = parent.child_by_field_name("left" if is_field(parent, "right", node) else "right")
        else:
            return False
        if target is not None and target.type == "identifier":
            self._timers.add(name_of(target))
            return True
        return False

    def _call(self, node: Node) -> None:
        callee = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        if callee is None:
            return
        callee, given = inner(callee), arguments(node)
        first = inner(given[0]) if given else None
        names = path(callee)
        name = names[-1] if names else ""
        if callee.type == "import" or name in _LOADERS or names[-2:] == ["serviceWorker", "register"]:
            for each in given if name == "importScripts" else given[:1]:
                self._load(each, is_module=callee.type == "import")
        elif name in _TIMERS:
            self._timer(name, first)
        elif names[-2:] in _WRITERS or (name == "setAttribute" and (literal(first) or "").lower().startswith("on")):
            self._say("eval", node, ".".join(names[-2:]))
        elif len(names) == 1 and may_be_text(first):
            self._called.setdefault(name, node.start_point.row + 1)
        self._taken(node, names, first, given[1:])

    def _taken(self, node: Node, names: list[str], first: Node | None, further: list[Node]) -> None:
        """Members taken by a call: `Reflect.get(window, "eval")`."""
        of_globals = first is not None and path(first)[-1:] and path(first)[-1] in _GLOBALS
        if of_globals or names[-1:] == ["getOwnPropertyDescriptor"] or names == ["Reflect", "get"]:
            for said in map(literal, further):
                if said in _WATCHED:
                    self._say("eval", node, str(said))

    def _timer(self, name: str, first: Node | None) -> None:
        if first is None or first.type in FUNCTIONS:
            return
        if first.type == "identifier":
            self._timed.append((name_of(first), first.start_byte, first.start_point.row + 1))
        elif first.type != "call_expression" or not is_bound(first):
            self._say("eval", first, name)

    def _load(self, node: Node, *, is_module: bool) -> None:
        node = inner(node)
        if node.type == "new_expression" and path(node.child_by_field_name("constructor")) == ["URL"]:
            written_path, *base = arguments(node) or [node]
            if list(map(text_of, base)) == ["import.meta.url"]:
                node = written_path
        written = literal(node)
        if written is None:
            self._say("remote", node, text_of(node)[:100])
        else:
            self._loaded(node, written, "module" if is_module else "worker_file")

    def _source(self, node: Node) -> None:
        source = node.child_by_field_name("source")
        if source is not None and (written := literal(source)) is not None:
            self._loaded(node, written, "module")

    def _loaded(self, node: Node, written: str, kind: str) -> None:
        is_away = scheme_of(written) or server_of(written) is not None
        self._say("remote" if is_away else kind, node, written[:500])

    def _declarator(self, node: Node, above: Sequence[Node]) -> None:
        target = node.child_by_field_name("name") or node.child_by_field_name("left")
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        if target is None or value is None:
            return
        names = path(value)
        if (said := literal(value)) in _CODE:
            self._say("eval", node, str(said))
        if target.type == "identifier":
            if may_be_text(value):
                scope = next((each for each in reversed(above) if each.type in _SCOPES), node)
                self._texts.setdefault(name_of(target), []).append((scope.start_byte, scope.end_byte))
            elif names:
                self._roots.setdefault(name_of(target), names[-1])
        elif target.type == "object_pattern" and names:
            for each in target.named_children:
                key = each.child_by_field_name("key") or each.child_by_field_name("left") or each
                self._members.append((names[-1], name_of(key), key.start_point.row + 1))

    def _text(self, node: Node) -> None:
        if node.id in self._within or (node.type == "binary_expression" and not is_sum(node)):
            return
        at, starts, parts = 0, {0}, list[str]()
        for piece in pieces(node, self._within):
            starts.add(at)
            at += len(piece)
            starts.add(at)
            parts.append(piece)
        whole = "".join(parts)
        for start in starts:
            self._address(node, whole[start : start + 2_000])
        if _MARKUP.search(whole):
            self._say("markup", node, whole)
        if _STYLE.search(whole):
            self._say("style", node, whole)

    def _address(self, node: Node, text: str) -> None:
        if (scheme := scheme_of(text)) in _SCRIPT_SCHEMES:
            code = text.partition(":")[2].strip()
            if UNKNOWN in code:
                self._say("eval", node, f"{scheme}:")
            elif code:
                self._say("script", node, code)
        elif (server := server_of(text)) is not None and not (scheme == "" and not server.host):
            self._say("address", node, str(server))

    def _jsx(self, node: Node) -> None:
        """No runtime reads it; it has to be compiled."""
        self._say("error", node, str(node.start_point.column + 1))

    _ALONE: ClassVar[dict[str, Callable[["Conduct", Node], None]]] = {
        **dict.fromkeys(("call_expression", "new_expression"), _call),
        **dict.fromkeys(("import_statement", "export_statement"), _source),
        **dict.fromkeys(("string", "template_string", "binary_expression"), _text),
        **dict.fromkeys(("jsx_element", "jsx_self_closing_element"), _jsx),
    }
    _PLACED: ClassVar[dict[str, Callable[["Conduct", Node, Sequence[Node]], None]]] = {
        **dict.fromkeys(
            ("identifier", "shorthand_property_identifier", "shorthand_property_identifier_pattern"), _name
        ),
        "property_identifier": _property,
        "subscript_expression": _subscript,
        "computed_property_name": _computed,
        **dict.fromkeys(("variable_declarator", "assignment_expression", "assignment_pattern"), _declarator),
    }
