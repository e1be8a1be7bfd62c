"""An OpenAPI document with references, inherited parameters and defaults filled in."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")
_PARAMETER = re.compile(r"\{([^}]*)\}")
_STYLES = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}


def shape(template: str) -> str:
    """A path template without the names of its parameters: two of one shape are the same address."""
    return _PARAMETER.sub("{}", template)


def resolved(document: Document, node: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """The node itself, or what its `$ref` points to in the document."""
    while isinstance(node, dict) and "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        beside = {name: value for name, value in node.items() if name != "$ref"}
        node = {**target, **beside} if beside else target
    return node


@dataclass(frozen=True)
class Parameter:
    """A parameter with its effective style, stated or default."""

    shown: str
    required: bool
    style: str
    explode: bool
    allow_reserved: bool
    schema: Any

    @classmethod
    def of(cls, definition: Document) -> "Parameter":
        style = definition.get("style", _STYLES[definition["in"]])
        schema = definition.get("schema")
        if schema is None:
            schema = next((each.get("schema", {}) for each in definition.get("content", {}).values()), {})
        return cls(
            definition["name"],
            bool(definition.get("required")),
            style,
            bool(definition.get("explode", style == "form")),
            bool(definition.get("allowReserved")),
            schema,
        )


@dataclass(frozen=True)
class Operation:
    """One operation, with the document its references point into."""

    document: Document
    template: str
    method: str
    item: Document
    definition: Document

    @property
    def place(self) -> str:
        return f"{self.method.upper()} {self.template}"

    def resolved(self, node: Any) -> Any:  # noqa: ANN401 - any part of the document
        return resolved(self.document, node)

    def parameters(self) -> dict[tuple[str, str], Parameter]:
        """By place and name; headers in lower case, parameters of the path by where they stand in it."""
        names = _PARAMETER.findall(self.template)
        found = {}
        for each in (*self.item.get("parameters", ()), *self.definition.get("parameters", ())):
            definition = self.resolved(each)
            where, name = definition["in"], definition["name"]
            if where == "header":
                name = name.lower()
            elif where == "path":
                name = str(names.index(name))
            found[where, name] = Parameter.of(definition)
        return found

    def body(self) -> Document:
        body: Document = self.resolved(self.definition.get("requestBody", {}))
        return body

    def answers(self) -> dict[str, Document]:
        return {status: self.resolved(answer) for status, answer in self.definition.get("responses", {}).items()}

    def servers(self) -> set[str]:
        for owner in (self.definition, self.item, self.document):
            if owner.get("servers"):
                return {server["url"] for server in owner["servers"]}
        return {"/"}

    def security(self) -> list[dict[str, list[str]]]:
        """The alternatives; an empty one is no proof at all."""
        alternatives = self.definition.get("security", self.document.get("security"))
        return alternatives or [{}]


@dataclass(frozen=True)
class Spec:
    """A whole document."""

    document: Document

    def operations(self) -> dict[tuple[str, str], Operation]:
        """Every operation by the shape of its path and its method."""
        return {(shape(operation.template), operation.method): operation for operation in self._each()}

    def _each(self) -> Iterator[Operation]:
        for template, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield Operation(self.document, template, method, item, item[method])


def media_types(content: Document) -> dict[str, Document]:
    """By media type as RFC 9110 compares them: in lower case, without spaces around parameters."""
    return {";".join(part.strip() for part in name.lower().split(";")): value for name, value in content.items()}
