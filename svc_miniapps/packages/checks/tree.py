"""Parts of a script's syntax tree: names with their objects, arguments of calls, and what has the value of what."""

from tree_sitter import Node

from svc_miniapps.packages.checks.literals import inner, literal, name_of

BRACKETS = frozenset({"parenthesized_expression", "sequence_expression"})
_NAMES = 2
FUNCTIONS = frozenset({"function_expression", "arrow_function", "generator_function"})


def passes(parent: Node, node: Node) -> bool:
    """Whether an expression has the value of a part of it: `(a)`, `(0, a)`, `b && a`."""
    if parent.type in BRACKETS:
        return inner(parent).id == inner(node).id
    operator = parent.child_by_field_name("operator") if parent.type == "binary_expression" else None
    return operator is not None and operator.type == "&&" and is_field(parent, "right", node)


def path(node: Node | None) -> list[str]:
    """The last two names of `a.b.c`, or of `a["b"]`."""
    names = list[str]()
    while node is not None and len(names) < _NAMES:
        node = inner(node)
        if node.type == "identifier":
            return [name_of(node), *names]
        name = property_name(node)
        if name is None:
            break
        names.insert(0, name)
        node = node.child_by_field_name("object")
    return names


def property_name(node: Node) -> str | None:
    if node.type == "member_expression":
        name = node.child_by_field_name("property")
        return None if name is None else name_of(name)
    return literal(node.child_by_field_name("index")) if node.type == "subscript_expression" else None


def arguments(call: Node) -> list[Node]:
    given = call.child_by_field_name("arguments")
    if given is None or given.type != "arguments":
        return []
    return [each for each in given.named_children if each.type != "comment"]


def is_field(parent: Node, name: str, node: Node) -> bool:
    child = parent.child_by_field_name(name)
    return child is not None and child.id == node.id


def is_bound(call: Node) -> bool:
    """`tick.bind(this)` is a function."""
    callee = call.child_by_field_name("function")
    if callee is None or property_name(inner(callee)) != "bind":
        return False
    target = inner(callee).child_by_field_name("object")
    return target is not None and inner(target).type in FUNCTIONS | {"identifier", "member_expression"}
