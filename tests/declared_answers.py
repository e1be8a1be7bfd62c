"""Every answer that a test gets from a service is one that its contract declares, by status and media type.

None may be stored or read as another kind than it says, but for the public ones of tests/private_answers.py.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from tests.private_answers import faults_of

CONTRACTS = Path(__file__).parents[1] / "contracts" / "openapi"


@cache
def operations() -> dict[tuple[str, str], dict[str, Any]]:
    # The gateway is no application of FastAPI, and tests/gateway holds its answers to its contract.
    of_services = [file for file in CONTRACTS.glob("*.json") if not file.name.startswith("gateway.")]
    documents = [json.loads(file.read_text("utf-8")) for file in of_services]
    return {
        (method.upper(), path): operation
        for document in documents
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def is_declared(operation: dict[str, Any], method: str, status: int, media_type: str) -> bool:
    """Whether a contract has this answer; `default` is for refusals."""
    declared = operation["responses"].get(str(status), operation["responses"]["default"] if status >= 400 else None)
    if declared is None:
        return False
    media_types = {name.partition(";")[0] for name in declared.get("content", {})}
    if method == "HEAD" or status in (204, 304):  # no content, whatever type a framework says that it has
        return True
    return media_type in media_types if media_types else not media_type


class Undeclared(list[str]):
    """Answers since the list was last emptied that no contract has."""

    def note(self, scope: Scope, message: Message) -> None:
        template = getattr(scope.get("route"), "path_format", "")
        operation = operations().get((scope["method"], template))
        media_type = Headers(raw=message["headers"]).get("content-type", "").partition(";")[0]
        if operation and not is_declared(operation, scope["method"], message["status"], media_type):
            self.append(f"{scope['method']} {template}: {message['status']} {media_type}")
        if operation:
            self.extend(faults_of(scope["method"], template, message["status"], message["headers"]))


@pytest.fixture(scope="session")
def undeclared() -> Iterator[Undeclared]:
    """Listens to every application of the test process."""
    found, call = Undeclared(), FastAPI.__call__

    async def heard(self: FastAPI, scope: Scope, receive: Receive, send: Send) -> None:
        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                found.note(scope, message)
            await send(message)

        await call(self, scope, receive, noted if scope["type"] == "http" else send)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FastAPI, "__call__", heard)
        yield found


@pytest.fixture(autouse=True)
def declared_answers(undeclared: Undeclared) -> Iterator[None]:
    """Fails a test to which a service gave an answer that its contract does not declare."""
    undeclared.clear()
    yield
    assert undeclared == []
