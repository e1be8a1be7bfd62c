"""A secured Kafka with the topics, passwords and ACLs that `deploy.kafka_acls` makes, and the platform's principals."""

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.documents import SERVICES
from deploy.kafka_acls import principal_of
from tests.apache_kafka.secured import SecuredKafka


def _passwords() -> dict[str, str]:
    return {service: secrets.token_hex(16) for service in SERVICES}


@dataclass(frozen=True)
class Guarded:
    kafka: SecuredKafka
    passwords: Mapping[str, str] = field(default_factory=_passwords)

    def settings(self, service: str) -> dict[str, str]:
        return self.kafka.settings(principal_of(service), self.passwords[service])

    def client(self, service: str) -> Mapping[str, Any]:
        return self.kafka.client(principal_of(service), self.passwords[service])

    def apply(self, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run the deploy job, by default as the administrator."""
        passwords = {f"kafka_passwords__{service}": password for service, password in self.passwords.items()}
        variables = {**passwords, **(settings or self.kafka.administrator)}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MYILI_")}
        environment |= {f"MYILI_{name.upper()}": value for name, value in variables.items()}
        command = [sys.executable, "-m", "deploy.kafka_acls", "apply"]
        return subprocess.run(  # noqa: S603 - our own command line
            command, env=environment, capture_output=True, text=True, check=False, timeout=90
        )
