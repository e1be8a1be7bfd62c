"""The service and its worker as processes, with the reference provider as the company."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import aiokafka
import httpx
import pytest
import pytest_asyncio
from joserfc.jwk import ECKey
from sqlalchemy import make_url

from chassis.db import new_id
from chassis.testing import PUBLIC_URL, Tokens, once
from contracts.reference_provider.roster import account_holder
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running
from tests.anchor_keys import anchor_key
from tests.contracts.reference_provider.processes import SEED, Provider
from tests.databases import upgrade_in_thread
from tests.svc_services.companies import (
    APPLICATIONS,
    BINDINGS,
    ProviderSystem,
    account_number,
    application,
    approved,
    attestation,
)

HOLDER, ANOTHER = account_holder(SEED, 0), account_holder(SEED, 1)


@dataclass(frozen=True)
class Service:
    url: str
    folder: Path

    def logs(self) -> str:
        return "".join(log.read_text() for log in self.folder.glob("*.log"))


@pytest.fixture(scope="module")
def environment(postgres_url: str, embedded_kafka: str, surroundings: dict[str, str]) -> dict[str, str]:
    role = upgrade_in_thread("svc_services", make_url(postgres_url).set(database="myili_services"))
    url = role.set(database=None).render_as_string(hide_password=False)
    values = {"database_url": url, "kafka": embedded_kafka, "public_url": PUBLIC_URL, **surroundings}
    return {f"MYILI_{name.upper()}": value for name, value in values.items()}


@pytest.fixture(scope="module")
def service(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder, port, worker_port = tmp_path_factory.mktemp("service"), free_port(), free_port()
    starter = [sys.executable, "-m", "svc_services.starter"]
    subprocess.run(starter, env=environment, check=True, timeout=60)  # noqa: S603 - ours
    url = f"http://{LOOPBACK}:{port}"
    uvicorn = [sys.executable, "-m", "uvicorn", "--factory", "svc_services.app:create_app"]
    api = Program("svc_services", [*uvicorn, "--port", str(port)], url, partial(is_ready, port), environment)
    worker_environment = {
        **environment,
        "MYILI_WORKER_PORT": str(worker_port),
        "MYILI_ANCHORS": (folder / "anchors").as_uri(),
        "MYILI_ANCHOR_KEY": anchor_key().get_secret_value(),
    }
    command = [sys.executable, "-m", "svc_services.worker"]
    worker = Program("worker", command, url, partial(is_ready, worker_port), worker_environment)
    with running(api, folder / "api.log"), running(worker, folder / "worker.log"):
        yield Service(url, folder)


def is_ready(port: int) -> bool:
    return accepts_connections(port) and httpx.get(f"http://{LOOPBACK}:{port}/readyz").is_success


@pytest.fixture(scope="module")
def company(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """It verifies our signatures with the keys that the service publishes."""
    provider = Provider(service.url, tmp_path_factory.mktemp("company"), provider_id="")
    with provider.running():
        yield provider


@pytest_asyncio.fixture
async def api(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as client:
        yield client


@pytest_asyncio.fixture
async def provider_id(api: httpx.AsyncClient, tokens: Tokens, company: Provider) -> UUID:
    provider_id = await approved(api, tokens, endpoint_url=company.url)
    company.register(provider_id)
    return provider_id


async def bind(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, account: str, name: str, person_id: UUID
) -> httpx.Response:
    body = {
        "provider_id": str(provider_id),
        "account_number": account,
        "attestation": attestation(tokens, person_id, name=name),
    }
    return await api.post(BINDINGS, json=body, headers=tokens.resident(person_id) | once())


async def test_the_reference_provider_confirms_its_customer(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID
) -> None:
    answer = await bind(api, tokens, provider_id, HOLDER.account_number, HOLDER.holder_name, new_id())
    assert (answer.status_code, answer.json().get("status")) == (201, "active")


async def test_a_verification_for_one_company_tells_nothing_at_another(
    api: httpx.AsyncClient, tokens: Tokens, company: Provider, provider_id: UUID
) -> None:
    """Sent on unchanged, it would say whether a customer of the other company has this name."""
    with ProviderSystem().running() as curious:
        curious_id = await approved(api, tokens, endpoint_url=curious.url)
        await bind(api, tokens, curious_id, HOLDER.account_number, HOLDER.holder_name, new_id())
    (question,) = curious.requests
    asked = f"{company.url}/account-verifications"
    answer = await api.post(asked, content=question.body, headers=dict(question.headers))
    assert (answer.status_code, answer.json()["code"]) == (401, "other_recipient")
    renamed = {**question.headers, "MyIli-Recipient": str(provider_id)}
    answer = await api.post(asked, content=question.body, headers=renamed)
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_signature")


@pytest.mark.parametrize(
    ("account", "name", "code"),
    [
        (HOLDER.account_number, ANOTHER.holder_name, "holder_does_not_match"),
        (account_number(987654321), HOLDER.holder_name, "account_not_found"),
    ],
)
async def test_the_reference_provider_refuses_unknown_customers(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, account: str, name: str, code: str
) -> None:
    answer = await bind(api, tokens, provider_id, account, name, new_id())
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_events_reach_the_broker(
    api: httpx.AsyncClient, tokens: Tokens, embedded_kafka: str, provider_id: UUID
) -> None:
    bound = await bind(api, tokens, provider_id, ANOTHER.account_number, ANOTHER.holder_name, new_id())
    topics = ("ili.services.provider.v1", "ili.services.account_binding.v1")
    wanted = {str(provider_id), bound.json()["binding_id"]}
    consumer = aiokafka.AIOKafkaConsumer(*topics, bootstrap_servers=embedded_kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        while wanted:
            event = json.loads((await consumer.getone()).value)
            assert ANOTHER.holder_name not in json.dumps(event, ensure_ascii=False)
            wanted.discard(event["subject"])
    finally:
        await consumer.stop()


async def test_names_phones_tokens_and_private_keys_are_in_no_log(
    api: httpx.AsyncClient, tokens: Tokens, service: Service, provider_id: UUID
) -> None:
    private = {**ECKey.generate_key("P-256").as_dict(private=True), "kid": "k1"}
    refused = await api.post(APPLICATIONS, json=application(jwks={"keys": [private]}), headers=once())
    filed = (await api.post(APPLICATIONS, json=application(contact_phone="13800000001"), headers=once())).json()
    await api.get(
        f"{APPLICATIONS}/{filed['application_id']}", headers={"Application-Token": filed["application_token"]}
    )
    await bind(api, tokens, provider_id, HOLDER.account_number, "张三", new_id())
    nobody = await approved(api, tokens, endpoint_url=f"http://{LOOPBACK}:1")
    await bind(api, tokens, nobody, HOLDER.account_number, "张三", new_id())
    logs = service.logs()
    assert refused.json()["code"] == "private_key_sent"
    assert "provider_gave_no_answer" in logs
    for secret in ("张三", "13800000001", filed["application_token"], str(private["d"]), HOLDER.account_number):
        assert secret not in logs


def test_a_broken_setting_is_one_sentence(environment: dict[str, str]) -> None:
    for name in ("MYILI_PROVIDER_SIGNING_KEY", "MYILI_PROVIDER_ENDPOINTS"):
        command = [sys.executable, "-c", "from svc_services.app import create_app; create_app()"]
        values = {**environment, name: "rubbish-value"}
        ended = subprocess.run(command, env=values, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
        assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
        assert name in ended.stderr
        assert "rubbish-value" not in ended.stderr
