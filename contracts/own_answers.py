"""The document of what the gateway answers itself, which no service's application describes."""

from collections.abc import Mapping
from typing import Any

from contracts.export import REFUSAL, SERVERS
from contracts.problem import PROBLEM
from contracts.tags import ABOUT, tags_of

GATEWAY, MY_DATA = "gateway", "my-data"
_TICKET = "verified by a ticket that svc_identity issues after a fresh sign-in"
_SECURITY = {
    "ticket": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A ticket of `POST /identity/v1/me/exports`: it opens nothing else; no access token opens it.",
    }
}


def of_gateway(documents: Mapping[str, dict[str, Any]], version: str) -> dict[str, Any]:
    """The gateway's document.

    Args:
        documents: of the services, by their names: the file has a part of each that promises one.
        version: of the contracts.
    """
    parts = [name for name, document in documents.items() if f"/{name}/v1/{MY_DATA}" in document["paths"]]
    return {
        "openapi": "3.1.0",
        "info": {"title": "My Ili gateway", "version": version, "description": ABOUT[GATEWAY]},
        "servers": SERVERS,
        "tags": tags_of(GATEWAY),
        "paths": {
            f"/{MY_DATA}": {"get": _my_data()},
            "/docs/openapi/{name}": {"get": _contract()},
            "/livez": {"get": _health("livez", "Check that the gateway runs", "Alive")},
            "/readyz": {"get": _health("readyz", "Check that the gateway can route", "Ready")},
        },
        "components": {"securitySchemes": _SECURITY, "schemas": {**_schemas(parts), "Problem": PROBLEM}},
    }


def _operation(name: str, tag: str, summary: str, who: str, answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": [tag],
        "security": [],
        "x-who-may-call": who,
        "responses": {"200": answer, "default": REFUSAL},
    }


def _answer(description: str, schema: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - of OpenAPI
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content, **more}


def _my_data() -> dict[str, Any]:
    headers = {
        "Content-Disposition": {
            "description": "Has browsers store the answer as a file.",
            "schema": {"type": "string", "const": 'attachment; filename="my-data.json"'},
        },
        "Cache-Control": {"schema": {"type": "string", "const": "no-store"}},
    }
    answer = _answer("The whole file; one that misses a part is not sent.", "MyDataFile", headers=headers)
    operation = _operation(
        "download_my_data", "my data", "Download what all services hold of the person of a ticket", _TICKET, answer
    )
    description = (
        "`token_missing`, `token_invalid` and `token_expired` (401) ask for another ticket; `service_absent` (503) and "
        "`service_broken` (502) name the service whose part is missing."
    )
    return operation | {"description": description, "security": [{"ticket": []}]}


def _contract() -> dict[str, Any]:
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "description": "A service and the version, such as `identity.v1.json`.",
        "schema": {"type": "string"},
    }
    answer = _answer("An OpenAPI document.", "Contract")
    operation = _operation("get_contract", "contracts", "Get a contract", "anyone: contracts are public", answer)
    return operation | {"parameters": [name]}


def _health(name: str, summary: str, schema: str) -> dict[str, Any]:
    return _operation(name, "health", summary, "anyone: it says nothing of anybody", _answer("It can.", schema))


def _schemas(parts: list[str]) -> dict[str, Any]:
    kinds = {"$ref": "#/components/schemas/Kinds"}
    exported = {"type": "string", "format": "date-time"}
    return {
        "MyDataFile": {
            "type": "object",
            "description": "When it was made, and a part of each service.",
            "properties": {"exported_at": exported, **dict.fromkeys(parts, kinds)},
            "required": ["exported_at", *parts],
        },
        "Kinds": {
            "type": "object",
            "description": "The records of each kind, with their own columns.",
            "additionalProperties": {"type": "array", "items": {"type": "object", "additionalProperties": True}},
        },
        "Contract": {"type": "object", "additionalProperties": True},
        "Alive": _status("alive"),
        "Ready": _status("ready", operations=_counts()),
    }


def _counts() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "How many operations of each service are routed.",
        "additionalProperties": {"type": "integer"},
    }


def _status(status: str, **more: dict[str, Any]) -> dict[str, Any]:
    properties = {"status": {"type": "string", "const": status}, **more}
    return {"type": "object", "properties": properties, "required": [*properties]}
