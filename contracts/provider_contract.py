"""The document of what a company implements: every call that the platform makes at its `endpoint_url`.

The services that call describe the same as webhooks of their own documents; `provider_calls` states both once.
"""

import copy
from typing import Any

from contracts.problem import PROBLEM
from contracts.provider_calls import CALLS, Json
from contracts.tags import ABOUT, tags_of

PROVIDER = "provider"
PATHS = {
    "account-verification": "/account-verifications",
    "delivery": "/deliveries",
    "bill-inquiry": "/bill-inquiries",
    "top-up-validation": "/top-up-validations",
    "posting": "/postings",
    "posting-query": "/postings/{posting_id}",
    "posting-cancellation": "/postings/{posting_id}/cancellations",
}
"""Where each call goes behind the company's endpoint_url."""

_SCHEME = "platform_signature"
_SERVER = {
    "url": "{endpoint_url}",
    "description": "What the company names in its application, or as its sandbox.",
    "variables": {"endpoint_url": {"default": "https://utility.example/platform"}},
}
_SECURITY = {
    _SCHEME: {
        "type": "apiKey",
        "in": "header",
        "name": "Signature",
        "description": "An HTTP message signature (RFC 9421) of the platform; each call describes what it covers.",
    }
}
_UUID = {"type": "string", "format": "uuid"}


def of_provider(version: str) -> Json:
    """The document, with the version of the contracts."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "My Ili provider contract", "version": version, "description": ABOUT[PROVIDER]},
        "servers": [_SERVER],
        "tags": tags_of(PROVIDER),
        "paths": _paths(),
        "components": {"securitySchemes": _SECURITY, "schemas": {"Problem": PROBLEM}},
    }


def _paths() -> Json:
    paths: Json = {}
    for calls in CALLS.values():
        for name, item in calls.items():
            ((method, call),) = item.items()
            paths.setdefault(PATHS[name], {})[method] = _operation(PATHS[name], call)
    return paths


def _operation(path: str, call: Json) -> Json:
    operation: dict[str, Any] = copy.deepcopy(call)
    if "{posting_id}" in path:
        operation["parameters"].insert(0, {"name": "posting_id", "in": "path", "required": True, "schema": _UUID})
    return operation | {"security": [{_SCHEME: []}], "x-who-may-call": "verified by the platform's signature"}
