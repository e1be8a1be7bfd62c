"""What clients call answers every refusal as RFC 6749, section 5.2, says, and a client proves itself in one way."""

import re
from typing import Any

import httpx
import pytest

from chassis.db import Database
from svc_identity.settings import Settings
from tests.svc_identity.app_client import TOKEN, AppClient
from tests.svc_identity.conftest import browser_on, running
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.oauth.test_client_credentials import registered
from tests.svc_identity.oauth.test_codes import refusal

FORM = "application/x-www-form-urlencoded"
PAR, REVOKE = "/identity/v1/oauth/par", "/identity/v1/oauth/revoke"
CALLED_BY_CLIENTS = (TOKEN, PAR, REVOKE)
BASIC = {"Authorization": "Basic bXlpbGktYXBwOnNlY3JldA=="}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
INVALID_REQUEST, INVALID_CLIENT = (400, "invalid_request"), (401, "invalid_client")


def check_oauth_error(answer: httpx.Response) -> None:
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    assert said.keys() <= {"error", "error_description", "instance"}
    assert re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", said.get("error_description", "none"))


@pytest.mark.parametrize("path", CALLED_BY_CLIENTS)
@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        ("application/json", b'{"grant_type": "refresh_token"}', 415),
        ("text/plain", b"grant_type=refresh_token", 415),
        ("", b"grant_type=refresh_token", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        (FORM, b"grant_type=refresh_token&token=" + b"a" * 70_000, 413),
        (FORM, b"grant_type=refresh_token&token=" + b"a" * 5_000, 400),
        (FORM, b"grant_type=%ff%fe", 400),
        (FORM, b"grant_type=\xb5\xc7\xc2\xbc", 400),
        (f"{FORM}; charset=gbk", "grant_type=登录".encode("gbk"), 400),
        (f"{FORM}; charset=utf-16", "grant_type=refresh_token".encode("utf-16"), 400),
        (FORM, b"grant_type=a%00b", 400),
        (FORM, b"&".join(b"p%d=1" % number for number in range(100)), 400),
        (FORM, b"", 400),
        (FORM, b"=&=&&;", 400),
    ],
)
async def test_what_is_no_form(
    api: httpx.AsyncClient, path: str, content_type: str, content: bytes, status: int
) -> None:
    answer = await api.post(path, content=content, headers={"Content-Type": content_type})
    # A form that can be read lacks its client or its grant, which some endpoints ask for first.
    lacking = {INVALID_CLIENT, (400, "unsupported_grant_type")} if status == 400 else set()
    assert refusal(answer) in {(status, "invalid_request")} | lacking
    check_oauth_error(answer)


async def test_a_form_in_utf_8_may_say_so(app_client: AppClient, phone: str) -> None:
    token = (await app_client.tokens(phone))["refresh_token"]
    data = f"grant_type=refresh_token&client_id=myili-app&refresh_token={token}"
    answer = await app_client.api.post(TOKEN, content=data, headers={"Content-Type": f"{FORM}; charset=UTF-8"})
    assert answer.status_code == 200


@pytest.mark.parametrize("path", CALLED_BY_CLIENTS)
async def test_a_lost_database(unconnected: Settings, path: str) -> None:
    async with running(unconnected) as app, browser_on(app) as api:
        answer = await api.post(path, data={"grant_type": "refresh_token", "client_id": "myili-app"})
    assert refusal(answer) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "2"
    check_oauth_error(answer)


@pytest.mark.parametrize("path", CALLED_BY_CLIENTS)
async def test_a_repeated_parameter(api: httpx.AsyncClient, path: str) -> None:
    for name in ("client_id", "grant_type", "token", "client_assertion", "anything"):
        form = [("grant_type", "refresh_token"), ("client_id", "myili-app"), ("token", "x"), (name, "y"), (name, "y")]
        content = "&".join(f"{key}={value}" for key, value in form)
        answer = await api.post(path, content=content, headers={"Content-Type": FORM})
        assert refusal(answer) == INVALID_REQUEST
        check_oauth_error(answer)


@pytest.mark.parametrize(
    ("more", "headers"),
    [
        ({}, BASIC),
        ({"client_secret": "secret"}, {}),
        ({"client_secret": "secret"}, BASIC),
    ],
)
async def test_two_proofs_of_a_system(
    api: httpx.AsyncClient, database: Database, more: dict[str, str], headers: dict[str, str]
) -> None:
    provider = await registered(database, ProviderSystem())
    assertion = provider.assertion()
    data = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion, **more}
    for path in CALLED_BY_CLIENTS:
        form = {"grant_type": "client_credentials", "token": "x", **data}
        answer = await api.post(path, data=form, headers=headers)
        assert refusal(answer) == INVALID_REQUEST, path
        check_oauth_error(answer)
    assert (await provider.token(api, assertion)).status_code == 200  # it was not used up


@pytest.mark.parametrize("path", CALLED_BY_CLIENTS)
async def test_an_app_brings_no_proof_of_another_client(app_client: AppClient, database: Database, path: str) -> None:
    provider = await registered(database, ProviderSystem())
    usual = app_client.request() | {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
    proofs: list[dict[str, Any]] = [
        {"client_assertion_type": ASSERTION_TYPE, "client_assertion": provider.assertion()},
        {"client_assertion": "x"},
        {"client_assertion_type": ASSERTION_TYPE},
        {"client_secret": "secret"},
    ]
    for proof in proofs:
        answer = await app_client.api.post(path, data=usual | proof)
        assert refusal(answer) == INVALID_CLIENT, proof
        check_oauth_error(answer)


async def test_a_password_in_the_header_is_refused_by_its_scheme(app_client: AppClient, phone: str) -> None:
    token = (await app_client.tokens(phone))["refresh_token"]
    data = {"grant_type": "refresh_token", "client_id": "myili-app", "refresh_token": token}
    answer = await app_client.api.post(TOKEN, data=data, headers=BASIC)
    assert refusal(answer) == INVALID_CLIENT
    assert answer.headers["www-authenticate"] == 'Basic realm="myili"'
    stale = {"Authorization": "Bearer stale"}
    assert (await app_client.api.post(TOKEN, data=data, headers=stale)).status_code == 200
