"""Every service's own worker does its work with the rights that it has; without them it waits, and says why."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
import structlog
from joserfc.jwk import ECKey
from sqlalchemy import URL, make_url, select
from structlog.testing import CapturingLogger

from chassis.db import Database, new_id
from chassis.inbox import inbox
from chassis.kafka import ensure_topics
from chassis.migrations import Roles
from chassis.outbox import Event, Relay, emit, outbox
from chassis.settings import KafkaSettings
from chassis.testing import until
from contracts.documents import SERVICES, placeholder_settings
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port, running
from kit.fields.customer_parameters import TEN_DIGITS
from svc_identity.people.persons.events import PersonRegistered
from svc_identity.starter import load_starter_data
from svc_miniapps.apps.events import AppRegistered
from svc_payments.collection.refunds.events import RefundRefunded
from svc_services.accounts.bindings.events import AccountBindingActivated
from svc_services.providers.applications.events import ProviderApproved
from svc_services.reference.models import UtilityKind
from tests.anchor_keys import anchor_key
from tests.apache_kafka.certificates import Authority
from tests.chassis.readings import MeterRead
from tests.chassis.readings import running as in_background
from tests.databases import upgrade_in_thread
from tests.deploy.kafka import Guarded

pytestmark = pytest.mark.apache_kafka

SECONDS = 60.0  # four workers start, on a machine that runs other tests as well
Urls = Mapping[str, URL]


@pytest.fixture(scope="module")
def urls(postgres_url: str) -> Urls:
    """The URL of each service's own database, as the service has it."""
    server = make_url(postgres_url)
    packages = {service: f"svc_{service}" for service in SERVICES}
    return {
        service: upgrade_in_thread(package, server.set(database=Roles.of(package).runtime))
        for service, package in packages.items()
    }


@pytest_asyncio.fixture
async def databases(urls: Urls) -> AsyncIterator[Mapping[str, Database]]:
    found = {service: Database(url) for service, url in urls.items()}
    yield found
    await asyncio.gather(*(database.close() for database in found.values()))


@contextlib.contextmanager
def process(service: str, url: URL, kafka: Mapping[str, str], folder: Path, *, ready: bool) -> Iterator[str]:
    """The service's worker as a process of its own; yields the address of its health."""
    port = free_port()
    values = {
        **placeholder_settings(),
        "database_url": url.set(database=None, drivername="postgresql").render_as_string(hide_password=False),
        "worker_port": str(port),
        "packages": (folder / "packages").as_uri(),
        "materials": (folder / "materials").as_uri(),
        "ledger_anchors": (folder / "anchors").as_uri(),
        "anchors": (folder / "anchors").as_uri(),
        "anchor_key": anchor_key().get_secret_value(),
        **kafka,
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MYILI_")}
    environment |= {f"MYILI_{name.upper()}": value for name, value in values.items()}
    health = f"http://{LOOPBACK}:{port}"
    is_up: Callable[[], bool] = partial(_answers, port, "/readyz" if ready else "/livez")
    worker = Program(service, [sys.executable, "-m", f"svc_{service}.worker"], health, is_up, environment)
    with running(worker, folder / f"{service}.log"):
        yield health


def _answers(port: int, path: str) -> bool:
    return accepts_connections(port) and httpx.get(f"http://{LOOPBACK}:{port}{path}").is_success


def read(log: Path) -> str:
    return log.read_text()


async def say(database: Database, event: Event) -> UUID:
    """Emit an event, and return its id."""
    async with database.transaction() as tx:
        await emit(tx, event)
        newest = select(outbox.c.id).order_by(outbox.c.position.desc()).limit(1)
        identifier: UUID = (await tx.scalars(newest)).one()
        return identifier


async def published(database: Database, event_id: UUID) -> bool:
    async with database.read() as tx:
        return await tx.scalar(select(outbox.c.published_at).where(outbox.c.id == event_id)) is not None


async def handled(database: Database, event_id: UUID) -> bool:
    async with database.read() as tx:
        return await tx.scalar(select(inbox.c.event_id).where(inbox.c.event_id == event_id)) is not None


def approval() -> ProviderApproved:
    return ProviderApproved(
        provider_id=new_id(),
        kind=UtilityKind.WATER,
        name="Water",
        uscc="91650000MA00000000",
        division_codes=["654002"],
        endpoint_url="http://127.0.0.1:1",
        jwks={"keys": [ECKey.generate_key("P-256").as_dict(private=False)]},
        customer_parameters=TEN_DIGITS,
    )


def binding() -> AccountBindingActivated:
    ids = {"binding_id": new_id(), "person_id": new_id(), "provider_id": new_id()}
    return AccountBindingActivated(**ids, account_number="1000000001", role="owner", held_from=date(2026, 1, 1))


def refund() -> RefundRefunded:
    ids = {"refund_id": new_id(), "payment_id": new_id(), "person_id": new_id(), "provider_id": new_id()}
    return RefundRefunded(
        **ids, bill_id=None, amount_fen=1, channel="sandbox", way="channel", reason="other", status="refunded"
    )


def app() -> AppRegistered:
    ids = {"app_id": new_id(), "organisation_id": new_id(), "registered_by": new_id()}
    return AppRegistered(**ids, division_code="654002", category="travel")


async def test_all_four_workers_publish_and_consume(
    guarded: Guarded, urls: Urls, databases: Mapping[str, Database], tmp_path: Path
) -> None:
    await load_starter_data(databases["identity"])  # the divisions, in which a company's organisation stands
    with contextlib.ExitStack() as stack:
        for service in SERVICES:
            settings = guarded.settings(service)
            stack.enter_context(process(service, urls[service], settings, tmp_path, ready=True))
        approved, bound = [await say(databases["services"], event) for event in (approval(), binding())]
        refunded = await say(databases["payments"], refund())
        alone = {"identity": PersonRegistered(person_id=new_id()), "miniapps": app()}
        for service, event in alone.items():
            said = await say(databases[service], event)
            await until(partial(published, databases[service], said), seconds=SECONDS)
        for_payments = [("payments", said) for said in (approved, bound, refunded)]
        for consumer, said in [("identity", approved), *for_payments]:
            await until(partial(handled, databases[consumer], said), seconds=SECONDS)
    logs = "".join(read(tmp_path / f"{service}.log") for service in SERVICES)
    assert not [secret for secret in guarded.passwords.values() if secret in logs]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"kafka_password": "hunter2"}, "SaslAuthenticationFailed: Authentication failed"),
        ({"kafka_ca": Authority.new().pem}, "CERTIFICATE_VERIFY_FAILED"),
    ],
)
async def test_a_worker_that_kafka_does_not_let_in_is_not_ready_and_says_why(
    guarded: Guarded, urls: Urls, tmp_path: Path, wrong: dict[str, str], reason: str
) -> None:
    settings = {**guarded.settings("miniapps"), **wrong}
    log = tmp_path / "miniapps.log"
    with process("miniapps", urls["miniapps"], settings, tmp_path, ready=False) as health:
        async with httpx.AsyncClient(base_url=health) as client:
            await until(partial(_says, log, reason, "relay_waits_for_kafka"), seconds=SECONDS)
            # Every second it tries again, so it still lives after another attempt.
            await until(partial(_has_tried, log, 3), seconds=SECONDS)
            answers = [await client.get(path) for path in ("/readyz", "/livez", "/metrics")]
    assert [answer.status_code for answer in answers] == [503, 200, 200]
    assert answers[0].json() == {"status": "not ready", "because": "kafka"}
    assert 'myili_kafka_connected{part="relay"} 0.0' in answers[2].text
    written = read(log)
    assert not [secret for secret in ("hunter2", guarded.passwords["miniapps"]) if secret in written]


async def _says(log: Path, *words: str) -> bool:
    return all(word in read(log) for word in words)


async def _has_tried(log: Path, times: int) -> bool:
    return read(log).count("relay_waits_for_kafka") >= times


async def test_a_relay_waits_for_its_topic_and_goes_on_when_the_job_has_made_it(
    guarded: Guarded, databases: Mapping[str, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    noun = f"late_{new_id().hex}"

    class Late(MeterRead):
        event_type = f"cn.ili.miniapps.{noun}.read.v1"

    database = databases["miniapps"]
    said = await say(database, Late(meter_id=new_id(), reading=1))
    relay = Relay(database.engine, guarded.client("miniapps"), [Late.topic()])
    written = CapturingLogger()
    monkeypatch.setattr("chassis.kafka.log", structlog.wrap_logger(written, [structlog.processors.JSONRenderer()]))
    async with in_background(relay.run()):
        await until(partial(_is_in, written, f"{Late.topic()} is missing or not permitted"), seconds=SECONDS)
        assert not await published(database, said)
        await ensure_topics(guarded.kafka.administrator_client, [Late.topic()])
        await until(partial(published, database, said), seconds=SECONDS)


async def _is_in(written: CapturingLogger, words: str) -> bool:
    return words in str(written.calls)


def test_what_is_made_with_the_password_does_not_show_it(guarded: Guarded, urls: Urls) -> None:
    settings = KafkaSettings.model_validate(guarded.settings("miniapps"))
    relay = Relay(Database(urls["miniapps"]).engine, settings.kafka_client, [])
    for shown in (repr(relay), repr(settings), str(settings)):
        assert guarded.passwords["miniapps"] not in shown
