"""Apache Kafka as compose runs it: SASL_SSL by a certificate of the test, and nothing allowed without an ACL."""

import contextlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.settings import KafkaSettings
from deploy.local.programs import LOOPBACK, free_port
from deploy.local.settings import REPOSITORY
from tests.apache_kafka import started
from tests.apache_kafka.certificates import Authority

ADMINISTRATOR = "myili_admin"
_PROPERTIES = REPOSITORY / "deploy/compose/kafka.properties"


@dataclass(frozen=True)
class SecuredKafka:
    address: str
    authority: Authority
    administrator_password: str

    def settings(self, username: str, password: str) -> dict[str, str]:
        """The settings of a process that is this principal."""
        return {
            "kafka": self.address,
            "kafka_username": username,
            "kafka_password": password,
            "kafka_ca": self.authority.pem,
        }

    @staticmethod
    def client_of(settings: Mapping[str, str]) -> Mapping[str, Any]:
        """What clients of aiokafka are made with, by the code that the services use."""
        return KafkaSettings.model_validate(settings).kafka_client

    def client(self, username: str, password: str) -> Mapping[str, Any]:
        return self.client_of(self.settings(username, password))

    @property
    def administrator(self) -> dict[str, str]:
        return self.settings(ADMINISTRATOR, self.administrator_password)

    @property
    def administrator_client(self) -> Mapping[str, Any]:
        return self.client(ADMINISTRATOR, self.administrator_password)


@contextlib.contextmanager
def running_secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """A broker of one's own for as long as the block lasts.

    Raises:
        Unavailable: Java 17, Maven or the download is missing.
    """
    authority, password, port = Authority.new(), secrets.token_hex(16), free_port()
    (folder / "server.pem").write_text(authority.server())
    (folder / "ca.pem").write_text(authority.pem)
    scram = f"SCRAM-SHA-512=[name={ADMINISTRATOR},password={password}]"
    environment = {"KAFKA_ADMIN_PASSWORD": password}
    with started(folder, _settings(folder, port), port, "--add-scram", scram, environment=environment):
        yield SecuredKafka(f"{LOOPBACK}:{port}", authority, password)


def _settings(folder: Path, port: int) -> dict[str, str]:
    controller = f"{LOOPBACK}:{free_port()}"
    lines = (line.partition("=") for line in _PROPERTIES.read_text().splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in lines} | {
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"CLIENTS://{LOOPBACK}:{port},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENTS://{LOOPBACK}:{port}",
        "log.dirs": str(folder / "data"),
        "ssl.keystore.location": str(folder / "server.pem"),
        "ssl.truststore.location": str(folder / "ca.pem"),
        "offsets.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
    }
