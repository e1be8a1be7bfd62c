"""The published OpenAPI 3.1 document of an application, derived from FastAPI's."""

import copy
import json
from typing import Any

from fastapi import FastAPI

from chassis import auth, idempotency, problems
from contracts.compatibility.access import callers_of
from contracts.compatibility.document import Document
from contracts.problem import PROBLEM
from contracts.provider_calls import CALLS
from contracts.tags import ABOUT, tags_of

SERVERS = [{"url": "/", "description": "The gateway that serves this document."}]
REFUSAL: Document = {
    "description": "A refusal (RFC 9457); `code` says which, `title` and `detail` say it in the reader's language.",
    "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def openapi(app: FastAPI) -> Document:
    """The app's OpenAPI 3.1 document, with who may call each operation and what a refusal looks like."""
    document = copy.deepcopy(app.openapi())
    # FastAPI describes validation errors of its own, which are never sent: `problems` answers them like every refusal.
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM
    for method, path, rules in auth.rules_by_route(app):
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation and rules:
            operation["x-who-may-call"] = rules[0].who_may_call
            _complete(operation)
            _name_scopes(operation)
    service = next(iter(document["paths"])).split("/")[1]
    document["info"]["description"] = ABOUT.get(service, "")
    document |= {"servers": SERVERS, "tags": tags_of(service)}
    if service in CALLS:
        document["webhooks"] = CALLS[service]
    return _without_unused(_with_titles_as_names(document))


def _complete(operation: Document) -> None:
    """Add to an operation what FastAPI omits, and correct what it gets wrong."""
    answers = operation["responses"]
    answers.pop("422", None)
    # An endpoint may document refusals of its own, such as a page, beside the common problem document.
    own = answers.pop("default", {})
    answers["default"] = REFUSAL | own | {"content": own.get("content", {}) | REFUSAL["content"]}
    operation.setdefault("security", [])
    for position, parameter in enumerate(operation.get("parameters", ())):
        if parameter["in"] == "header" and parameter["name"].lower() == idempotency.HEADER["name"].lower():
            operation["parameters"][position] = idempotency.HEADER
    _summarise(operation)


def _name_scopes(operation: Document) -> None:
    """Put the scopes of `x-who-may-call` into `security`: each caller's is one alternative."""
    callers = callers_of(operation["x-who-may-call"])
    if isinstance(callers, frozenset):
        scopes = {caller.scope or "" for caller in callers}
        operation["security"] = [{"access_token": [scope] if scope else []} for scope in sorted(scopes)]


def _with_titles_as_names(document: Document) -> Document:
    """The document with its generic models under their own names: FastAPI calls `BillPage` `Page_Bill_`."""
    generics = {name: schema["title"] for name, schema in document["components"]["schemas"].items() if name[-1] == "_"}
    text = json.dumps(document)
    for name, title in generics.items():
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{title}"')
    renamed: dict[str, Any] = json.loads(text)
    schemas = renamed["components"]["schemas"]
    if taken := schemas.keys() & set(generics.values()):
        raise ValueError(f"Two models have one name: {', '.join(sorted(taken))}.")
    schemas |= {title: schemas.pop(name) for name, title in generics.items()}
    return renamed


def _without_unused(document: Document) -> Document:
    """The document without schemas that nothing refers to, such as enums whose values are inlined."""
    text, schemas = json.dumps(document), document["components"]["schemas"]
    for name in [name for name in schemas if f'"#/components/schemas/{name}"' not in text]:
        del schemas[name]
    return document


def _summarise(operation: Document) -> None:
    """The first line of an endpoint's docstring heads it in every list; FastAPI would put the function's name there."""
    first, _, rest = operation.pop("description", operation["summary"].capitalize()).partition("\n")
    operation["summary"] = first.removesuffix(".")
    if rest.strip():
        operation["description"] = rest.strip()
