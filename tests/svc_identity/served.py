"""svc_identity and its worker as processes, and a client that knows only the discovery document."""

import base64
import contextlib
import hashlib
import re
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import pytest_asyncio
from joserfc.jwk import ECKey
from sqlalchemy import make_url

from contracts.documents import placeholder_settings
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running
from svc_identity.people.agreements.documents import version_in_force
from tests.anchor_keys import anchor_key
from tests.databases import upgrade_in_thread
from tests.deploy.sandboxes.processes import Sandbox

REDIRECT_URI = "http://127.0.0.1:49152/callback"


@dataclass
class Service:
    url: str
    kafka: str
    sms: str
    logs: list[Path]

    def written(self) -> str:
        return "".join(log.read_text() for log in self.logs)


@pytest.fixture(scope="module")
def service(
    postgres_url: str, embedded_kafka: str, sandboxes: dict[str, Sandbox], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    with running_service(postgres_url, embedded_kafka, sandboxes, tmp_path_factory.mktemp("identity")) as service:
        yield service


@contextlib.contextmanager
def running_service(
    postgres_url: str, kafka: str, sandboxes: dict[str, Sandbox], folder: Path, public_url: str = ""
) -> Iterator[Service]:
    """The service and its worker; its public address is its own, or that of the gateway before it."""
    port, worker_port = free_port(), free_port()
    url = f"http://{LOOPBACK}:{port}"
    url_of_role = upgrade_in_thread("svc_identity", make_url(postgres_url).set(database="myili_identity"))
    environment = {
        "MYILI_DATABASE_URL": url_of_role.set(database=None).render_as_string(hide_password=False),
        "MYILI_KAFKA": kafka,
        "MYILI_PUBLIC_URL": public_url or url,
        "MYILI_JWKS_URL": f"{url}/identity/v1/oauth/jwks",
        "MYILI_SMS_URL": sandboxes["sms"].url,
        "MYILI_REGISTRIES_URL": sandboxes["registries"].url,
        "MYILI_TOKEN_SIGNING_KEY": ECKey.generate_key("P-256").as_pem(private=True).decode(),
        "MYILI_FIELD_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        # The same for all tests of this process that use this database: it lets nobody start without the key it knows.
        "MYILI_INDEX_KEY": placeholder_settings()["index_key"],
        "MYILI_WORKER_PORT": str(worker_port),
        "MYILI_LOG_LEVEL": "DEBUG",
        "MYILI_ANCHORS": (folder / "anchors").as_uri(),
        "MYILI_ANCHOR_KEY": anchor_key().get_secret_value(),
    }

    def program(name: str, *arguments: str, on: int | None = None) -> contextlib.AbstractContextManager[Any]:
        ready = (lambda: accepts_connections(on)) if on else (lambda: True)
        command = [sys.executable, "-m", *arguments]
        return running(Program(name, command, url, ready, environment), folder / f"{name}.log")

    with program("starter", "svc_identity.starter") as process:
        assert process.wait(60) == 0
    served = ["uvicorn", "--factory", "svc_identity.app:create_app", "--host", LOOPBACK, "--port", str(port)]
    with program("api", *served, "--no-access-log", on=port), program("worker", "svc_identity.worker", on=worker_port):
        logs = [folder / "api.log", folder / "worker.log"]
        yield Service(url, kafka, sandboxes["sms"].url, logs)


@pytest_asyncio.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url) as client:
        yield client


async def discovered(client: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await client.get("/identity/.well-known/openid-configuration")).json())


def inputs(html: str) -> tuple[str, dict[str, str]]:
    """The first form of a page: where it goes, and what it carries."""
    (action,) = re.findall(r'<form method="post" action="([^"]+)"[^>]*>', html)[:1]
    first_form = html.split("</form>", maxsplit=1)[0]
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', first_form)
    return action, {name: value.replace("&amp;", "&") for name, value in hidden}


async def code_form(
    client: httpx.AsyncClient, service: Service, phone: str, *, verifier: str = "v" * 43, state: str = "s"
) -> tuple[str, dict[str, str]]:
    """The form that asks for the code which a phone now has been sent."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    request = {
        "response_type": "code",
        "client_id": "myili-app",
        "redirect_uri": REDIRECT_URI,
        "state": state,
        "scope": "openid profile phone offline_access",
        "nonce": "n-1",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    authorize = (await discovered(client))["authorization_endpoint"]
    action, fields = inputs((await client.get(authorize, params=request)).text)
    page = await client.post(
        action, data={**fields, "agreed": version_in_force(), "phone": phone}, follow_redirects=True
    )
    return inputs(page.text)


async def texted_code(service: Service, phone: str) -> str:
    async with httpx.AsyncClient(base_url=service.sms) as handset:
        messages = (await handset.get("/messages", params={"phone": phone})).json()["items"]
    return str(next(each["params"]["code"] for each in messages if each["template"] == "sign_in_code"))


async def sign_in(client: httpx.AsyncClient, service: Service, phone: str) -> tuple[dict[str, Any], str]:
    """The token answer, and the texted code."""
    metadata = await discovered(client)
    verifier, state = secrets.token_urlsafe(40), secrets.token_urlsafe(8)
    action, fields = await code_form(client, service, phone, verifier=verifier, state=state)
    code = await texted_code(service, phone)
    back = (await client.post(action, data={**fields, "code": code})).headers["location"]
    returned = dict(parse_qsl(urlsplit(back).query))
    assert back.startswith(f"{REDIRECT_URI}?")
    assert (returned["state"], returned["iss"]) == (state, metadata["issuer"])
    redemption = {
        "grant_type": "authorization_code",
        "client_id": "myili-app",
        "redirect_uri": REDIRECT_URI,
        "code": returned["code"],
        "code_verifier": verifier,
    }
    answer = await client.post(metadata["token_endpoint"], data=redemption)
    assert answer.status_code == 200, answer.text
    return answer.json(), code
