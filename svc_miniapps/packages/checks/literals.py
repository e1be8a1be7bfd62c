"""What the texts and names of a script say once the language has decoded them, and sums of texts as one text."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from svc_miniapps.packages.checks.addresses import UNKNOWN, character

_ESCAPE = re.compile(
    r"\\(?:u\{([0-9a-f]{1,8})\}|u([0-9a-f]{4})|x([0-9a-f]{2})|([0-7]{1,3})|(\r\n|.))", re.IGNORECASE | re.DOTALL
)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}
_LINE_ENDS = frozenset({"\n", "\r", "\r\n", "\u2028", "\u2029"})
_DEEPEST = 30
"""Brackets within brackets; what is deeper is not told for certain."""
_TEXTS = frozenset({"string", "template_string"})


def decoded(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    *hexadecimal, octal, other = found.groups()
    if digits := next((each for each in hexadecimal if each), None):
        code = int(digits, 16)
        return character(code)
    if octal:
        return chr(int(octal, 8))
    return "" if other in _LINE_ENDS else _LETTERS.get(other, other)


def text_of(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


def name_of(node: Node) -> str:
    r"""An identifier as the language reads it: `\u0065val` is `eval`."""
    return decoded(text_of(node))


def inner(node: Node) -> Node:
    """What stands in brackets; of `(0, a)` the last."""
    for _ in range(_DEEPEST):
        if node.type not in {"parenthesized_expression", "sequence_expression"}:
            break
        last = next((each for each in reversed(node.named_children) if each.type != "comment"), None)
        if last is None:
            break
        node = last
    return node


def is_sum(node: Node) -> bool:
    if node.type != "binary_expression":
        return False
    operator = node.child_by_field_name("operator")
    return operator is not None and operator.type == "+"


def pieces(node: Node, within: set[int]) -> Iterator[str]:
    """The parts of a text, of a template or of a sum, in order; `within` gets the nodes that were read."""
    waiting: list[Node | str] = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
            continue
        within.add(each.id)
        if each.type == "parenthesized_expression" and (unwrapped := inner(each)).id != each.id:
            waiting.append(unwrapped)
        elif is_sum(each):
            sides = (each.child_by_field_name("right"), each.child_by_field_name("left"))
            waiting.extend(UNKNOWN if side is None else side for side in sides)
        elif each.type == "string":
            yield decoded(text_of(each)[1:-1])
        elif each.type == "template_string":
            waiting.extend(reversed(list(_parts(each))))
        else:
            yield text_of(each) if each.type == "number" else UNKNOWN


def _parts(template: Node) -> Iterator[Node | str]:
    """The fixed parts of a template, joined, and the expressions between."""
    fixed = ""
    for part in template.named_children:
        if part.type == "template_substitution":
            yield fixed
            fixed = ""
            value = next((each for each in part.named_children if each.type != "comment"), None)
            yield UNKNOWN if value is None else value
        else:
            fixed += decoded(text_of(part))
    yield fixed


def literal(node: Node | None) -> str | None:
    """The text that an expression is, whatever runs; None for any other."""
    if node is None:
        return None
    node = inner(node)
    if node.type not in _TEXTS and not is_sum(node):
        return None
    text = "".join(pieces(node, set()))
    return None if UNKNOWN in text else text


def may_be_text(node: Node | None, deepest: int = 20) -> bool:
    """Whether an expression may be a text by how it is written."""
    if node is None:
        return False
    node = inner(node)
    if node.type in _TEXTS or node.type == "array" or deepest == 0:
        return True
    if node.type == "ternary_expression":
        sides = (node.child_by_field_name("consequence"), node.child_by_field_name("alternative"))
    elif node.type == "binary_expression":
        sides = (node.child_by_field_name("left"), node.child_by_field_name("right"))
    else:
        return False
    return any(may_be_text(side, deepest - 1) for side in sides)
