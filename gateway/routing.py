"""The routes, read from the services' contracts at start.

The gateway uses four fields of an operation: `security` (whether a token is needed), and three extensions that a
service sets where the defaults do not fit, `x-max-body-bytes`, `x-timeout-seconds` and `x-oauth-errors`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_SUFFIX = ".v1.json"
_ISSUER = "identity"
OWN = "gateway"
"""The contract of what the gateway answers itself: shown with the others, and not routed."""
UNROUTED = (OWN, "provider")
"""Also that of what companies answer at their own endpoints."""
_TOKEN_SCHEMES = {"oauth2", "openIdConnect"}


class ContractError(Exception):
    """A contract cannot be used for routing; the message names it and the reason."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    service: str
    method: str
    template: str
    needs_token: bool
    gives_tokens: bool
    """It is where tokens come from, so that one from before is nothing to it: an app renews what has expired there."""
    max_body_bytes: int
    timeout_seconds: float
    refuses_by_oauth: bool = False
    """Its clients read the errors of OAuth, no problems."""
    is_slow: bool = False
    """It has a time of its own, as it waits for an outside system."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One service's published OpenAPI document."""

    service: str
    title: str
    document: bytes
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Defaults:
    max_body_bytes: int
    timeout_seconds: float


def read_contracts(folder: Path, services: Sequence[str], defaults: Defaults) -> tuple[Contract, ...]:
    """All contracts of the folder, in the order of their names.

    Raises:
        ContractError: there is none, or one has an operation that the gateway cannot route.
    """
    files = sorted(folder.glob(f"*{_SUFFIX}"))
    if not files:
        raise ContractError(f"There is no contract in {folder}; write them with `make contracts`.")
    return tuple(_read_contract(file, services, defaults) for file in files)


def _read_contract(file: Path, services: Sequence[str], defaults: Defaults) -> Contract:
    service = file.name.removesuffix(_SUFFIX)
    if service not in (*services, *UNROUTED):
        raise ContractError(f"{file.name}: no service of this name is known ({', '.join(services)}).")
    document = file.read_bytes()
    try:
        openapi = json.loads(document)
        operations = () if service in UNROUTED else tuple(_operations(service, openapi, defaults))
        return Contract(service, openapi["info"]["title"], document, operations)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ContractError(f"{file.name}: not a usable OpenAPI document ({type(error).__name__}: {error}).") from error


def _operations(service: str, openapi: Mapping[str, Any], defaults: Defaults) -> Iterator[Operation]:
    schemes = openapi.get("components", {}).get("securitySchemes", {})
    for template, item in openapi["paths"].items():
        if not (template.startswith(f"/{service}/") or _is_well_known(template, service)):
            raise ContractError(f"{service}{_SUFFIX}: {template} is not under /{service}/.")
        for method in _METHODS:
            if method not in item:
                continue
            promised = item[method]
            security = promised.get("security", openapi.get("security", []))
            needs_token = _needs_token(security, schemes)
            yield Operation(
                service=service,
                method=method.upper(),
                template=template,
                needs_token=needs_token,
                gives_tokens=service == _ISSUER and not needs_token,
                max_body_bytes=int(promised.get("x-max-body-bytes", defaults.max_body_bytes)),
                timeout_seconds=float(promised.get("x-timeout-seconds", defaults.timeout_seconds)),
                refuses_by_oauth=promised.get("x-oauth-errors") is True,
                is_slow="x-timeout-seconds" in promised,
            )


def _is_well_known(template: str, service: str) -> bool:
    """Whether it is the service's own place under a well-known name, such as `/.well-known/<name>/identity`."""
    return template.startswith("/.well-known/") and template.removeprefix("/.well-known/").partition("/")[2] == service


def _needs_token(security: Sequence[Mapping[str, Any]], schemes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether every alternative requires a token; other proofs are checked by the service alone."""

    def is_token(name: str) -> bool:
        scheme = schemes[name]
        is_bearer = scheme["type"] == "http" and scheme["scheme"].lower() == "bearer"
        return is_bearer or scheme["type"] in _TOKEN_SCHEMES

    return bool(security) and all(any(is_token(name) for name in alternative) for alternative in security)


@dataclass(slots=True)
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    operations: dict[str, Operation] = field(default_factory=dict)


class RoutingTable:
    """A tree of path segments; a literal segment wins over a parameter."""

    def __init__(self, contracts: Sequence[Contract]) -> None:
        self._root = _Node()
        for node in [self._add(operation) for contract in contracts for operation in contract.operations]:
            if "GET" in node.operations:
                # RFC 9110, 9.3.2: the head of what GET answers. The service is called with GET.
                node.operations.setdefault("HEAD", node.operations["GET"])

    def _add(self, operation: Operation) -> _Node:
        node = self._root
        for segment in operation.template.split("/")[1:]:
            if segment.startswith("{") and segment.endswith("}"):
                if node.parameter is None:
                    node.parameter = _Node()
                node = node.parameter
            elif "{" in segment:
                raise ContractError(f"{operation.template}: a path parameter must be a whole segment.")
            else:
                node = node.literals.setdefault(segment, _Node())
        known = node.operations.setdefault(operation.method, operation)
        if known is not operation:
            raise ContractError(f"{operation.method} {operation.template} and {known.template} are the same address.")
        return node

    def find(self, path: str) -> Mapping[str, Operation] | None:
        """The operations of a decoded path by method, or None where no contract has this path."""
        return _find(self._root, path.split("/"), 1)


def _find(node: _Node, segments: Sequence[str], position: int) -> Mapping[str, Operation] | None:
    if position == len(segments):
        return node.operations or None
    segment = segments[position]
    literal = node.literals.get(segment)
    if literal is not None and (found := _find(literal, segments, position + 1)):
        return found
    if node.parameter is not None and segment:
        return _find(node.parameter, segments, position + 1)
    return None
