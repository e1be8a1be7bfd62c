"""Every GET of every service refuses parameters that it does not have, and every JSON body two readings.

Only pages, which messengers open with parameters of their own, and OAuth take more: RFC 6749 has unknown parameters
ignored. Notices of channels are read after their signature over the raw bytes.

A refusal comes before the token is looked at, so neither database nor keys are needed.
"""

import importlib
import re
from typing import Any

import httpx
import pytest

from contracts.documents import SERVICES, placeholder_settings
from kit.environment import environment
from tests.contracts.test_private_answers import service_of, url_of
from tests.declared_answers import operations

TAKES_MORE = re.compile(r"^/identity/(v1/oauth/|\.well-known/)|^/\.well-known/")
OF_CHANNELS = "/payments/v1/channels/"
JSON = "application/json"


def client_of(service: str) -> httpx.AsyncClient:
    with environment(**placeholder_settings()):
        settings = importlib.import_module(f"svc_{service}.settings").Settings()
        app = importlib.import_module(f"svc_{service}.app").create_app(settings)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def of_service(service: str) -> list[tuple[str, str, dict[str, Any]]]:
    named = [(method, path, each) for (method, path), each in sorted(operations().items())]
    return [each for each in named if service_of(each[1]) == service and not TAKES_MORE.match(each[1])]


def is_page(operation: dict[str, Any]) -> bool:
    return "text/html" in operation["responses"].get("200", {}).get("content", {})


@pytest.mark.parametrize("service", SERVICES)
async def test_every_get_refuses_parameters_that_it_does_not_have(service: str) -> None:
    wrong = []
    async with client_of(service) as client:
        gets = [path for method, path, operation in of_service(service) if method == "GET" and not is_page(operation)]
        for path in gets:
            answer = await client.get(url_of(path), params={"Limit": "1"})
            if (answer.status_code, answer.json().get("code")) != (422, "unknown_parameter"):
                wrong.append(f"{path}: {answer.status_code}")
    assert gets
    assert wrong == []


@pytest.mark.parametrize("service", SERVICES)
async def test_every_operation_with_json_refuses_a_repeated_member(service: str) -> None:
    wrong = []
    async with client_of(service) as client:
        reading = [
            (method, path)
            for method, path, operation in of_service(service)
            if JSON in operation.get("requestBody", {}).get("content", {}) and not path.startswith(OF_CHANNELS)
        ]
        for method, path in reading:
            content = b'{"amount_fen": 1, "amount_fen": 2}'
            answer = await client.request(method, url_of(path), content=content, headers={"Content-Type": JSON})
            if (answer.status_code, answer.json().get("code")) != (400, "member_repeated"):
                wrong.append(f"{method} {path}: {answer.status_code}")
    assert reading
    assert wrong == []
