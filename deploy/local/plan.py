"""The programs of the platform, their ports and their environment."""

import http.client
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import make_url

from deploy.local import broker, postgres
from deploy.local.keys import SERVICES
from deploy.local.programs import Program, accepts_connections

PACKAGES = tuple(f"svc_{service}" for service in SERVICES)
# The sandboxes and their port offsets, which are not contiguous.
SANDBOXES = {"sms": 5, "registries": 6, "payment_channel": 7, "invoicing": 10, "faces": 20, "network_identity": 21}

PORT_OFFSETS = {
    "gateway": 0,
    **{package: 1 + place for place, package in enumerate(PACKAGES)},
    **{f"sandbox_{sandbox}": offset for sandbox, offset in SANDBOXES.items()},
    "postgres": 8,
    "broker": 9,
    **{f"{package}.worker": 11 + place for place, package in enumerate(PACKAGES)},
}
# What answers /metrics on a port of its own, because its first port is the public one or the gateway's way to it.
METRICS_PORT_OFFSETS = {name: 15 + place for place, name in enumerate(("gateway", *PACKAGES))}
ALL_PORT_OFFSETS = (*PORT_OFFSETS.values(), *METRICS_PORT_OFFSETS.values())
# Each secret goes to its owner only; each service also gets the URL of its own role in the database.
SECRETS = {
    "svc_identity": {"token_signing_key", "field_key", "index_key"},
    "svc_services": {"provider_signing_key"},
    "svc_payments": {"provider_signing_key", "merchant_key", "channel_public_key"},
    "svc_miniapps": {"package_signing_key"},
    **{f"{package}.worker": {"anchor_key"} for package in PACKAGES},
    "svc_miniapps.worker": {"anchor_key", "provider_signing_key"},
    "sandbox_payment_channel": {"channel_private_key", "merchant_public_key"},
    "sandbox_invoicing": {"merchant_public_key"},
}
_SERVICE_CONNECTION = "kit.connection:ServiceConnection"
_CODE_LIMITS = ("codes_per_phone_an_hour", "codes_per_phone_a_day", "codes_per_address", "codes_a_minute")
ALL_SECRETS = frozenset[str]().union(*SECRETS.values())
_OF_ADMINISTRATORS = ("database_admin_url", "kafka_admin_password", "kafka_server", r"(database|kafka)_passwords__\w+")
_WITHHELD = re.compile("|".join([*ALL_SECRETS, *_OF_ADMINISTRATORS]))


@dataclass(frozen=True)
class Plan:
    """One platform: its data folder, its ports, its secrets and the user's settings."""

    data: Path
    base_port: int
    keys: Mapping[str, str]
    given: Mapping[str, str]
    """Settings in lower case without MYILI_; they override ours, and a server named here is used, not started."""
    durable: bool = True
    """Whether the database waits for the disk, as it must where data has to survive a power cut."""

    def port(self, name: str) -> int:
        return self.base_port + PORT_OFFSETS[name]

    def ports(self, name: str) -> Iterator[int]:
        yield self.port(name)
        if name in METRICS_PORT_OFFSETS:
            yield self.base_port + METRICS_PORT_OFFSETS[name]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port(name)}"

    @property
    def secrets(self) -> Mapping[str, str]:
        return {**self.keys} | {name: value for name, value in self.given.items() if name in ALL_SECRETS}

    @property
    def database_admin_url(self) -> str:
        ours = postgres.url(self.port("postgres"), self.keys["database_password"])
        return self.given.get("database_admin_url", ours)

    @property
    def administration(self) -> Mapping[str, str]:
        """What migrations need, and no service has; and as whom each service uses Kafka, which its settings require."""
        passwords = {f"database_passwords__{name}": self.keys[f"{name}_database_password"] for name in SERVICES}
        kafka = {name: value for name, value in self.given.items() if name.startswith("kafka_passwords__")}
        return {"database_admin_url": self.database_admin_url, **passwords, **kafka}

    def kafka_principal(self, service: str) -> Mapping[str, str]:
        """As whom a service uses a Kafka of the user's that authenticates."""
        password = self.given.get(f"kafka_passwords__{service}")
        return {"kafka_username": f"myili_{service}", "kafka_password": password} if password else {}

    def database_url(self, service: str) -> str:
        """The server as the role of a service, which owns nothing."""
        server = make_url(self.database_admin_url)
        role = server.set(username=f"myili_{service}", password=self.keys[f"{service}_database_password"])
        return role.set(database="").render_as_string(hide_password=False)

    @property
    def settings(self) -> Mapping[str, str]:
        """Settings that are not secret; every program gets them."""
        ours = {
            "kafka": f"127.0.0.1:{self.port('broker')}",
            "public_url": self.url("gateway"),
            "jwks_url": f"{self.url('svc_identity')}/identity/v1/oauth/jwks",
            "sms_url": self.url("sandbox_sms"),
            "registries_url": self.url("sandbox_registries"),
            "faces_url": self.url("sandbox_faces"),
            "network_identity_url": self.url("sandbox_network_identity"),
            "channel_url": self.url("sandbox_payment_channel"),
            "invoices_url": self.url("sandbox_invoicing"),
            "provider_endpoints": "any",
            "onboarding": "direct",
            # The sandbox's codes cost nothing, and all clients of an embedded run share one address.
            **dict.fromkeys(_CODE_LIMITS, "100000"),
            "code_resend_seconds": "1",
            "cooling_off_hours": "0",
            "packages": (self.data / "packages").as_uri(),
            "materials": (self.data / "materials").as_uri(),
            "ledger_anchors": (self.data / "ledger-anchors").as_uri(),
            "anchors": (self.data / "anchors").as_uri(),
            "anchor_public_keys": self.keys["anchor_public_keys"],
            "sandbox_state": str(self.data / "sandboxes"),
            **{f"{service}_url": self.url(f"svc_{service}") for service in SERVICES},
        }
        return ours | {name: value for name, value in self.given.items() if not _WITHHELD.fullmatch(name)}

    def environment(self, *owners: str, **more: str) -> Mapping[str, str]:
        """The MYILI_* variables of a program that gets the secrets of these owners."""
        owned = frozenset[str]().union(*(SECRETS.get(owner, ()) for owner in owners))
        values = {**self.settings, **{name: self.secrets[name] for name in owned}, **more}
        packages = [owner for owner in owners if owner in PACKAGES]
        if len(packages) == 1:
            service = packages[0].removeprefix("svc_")
            values |= {"database_url": self.database_url(service), **self.kafka_principal(service)}
        return {f"MYILI_{name.upper()}": value for name, value in values.items()}

    def stores(self) -> Iterator[Program]:
        if "database_admin_url" not in self.given:
            password = self.keys["database_password"]
            safety = {} if self.durable else postgres.NOT_DURABLE
            yield postgres.program(self.data / "postgres", self.port("postgres"), password, safety)
        if "kafka" not in self.given:
            yield broker.program(self.port("broker"))

    def preparation(self, package: str) -> Program:
        """Migrations, starter data, two operators, and a resend of events if the broker is ours and so starts empty."""
        starter_data = [] if package == "svc_payments" else ["starter-data"]
        operators = ["operators"] if package == "svc_identity" else []
        resend = [] if "kafka" in self.given else ["resend"]
        return self._steps("preparation", package, "migrate", *starter_data, *operators, *resend)

    def resend(self, package: str) -> Program:
        """For an embedded broker that restarted and so lost its events."""
        return self._steps("resending", package, "resend")

    def without_database(self) -> Iterator[Program]:
        """The gateway, and the sandboxes of outside systems."""
        yield self._http("gateway", "gateway.app")
        for sandbox in SANDBOXES:
            yield self._http(f"sandbox_{sandbox}", f"deploy.local.sandboxes.{sandbox}")

    def services(self) -> Iterator[Program]:
        return map(self.service, PACKAGES)

    def service(self, package: str) -> Program:
        return self._http(package, f"{package}.app")

    def workers(self) -> Iterator[Program]:
        return map(self.worker, PACKAGES)

    def worker(self, package: str) -> Program:
        name = f"{package}.worker"
        port = self.port(name)
        return Program(
            name,
            [sys.executable, "-m", name],
            where=self.url(name),
            ready=partial(_answers_ready, port),
            environment=self.environment(package, name, worker_port=str(port)),
        )

    def _steps(self, name: str, package: str, *steps: str) -> Program:
        command = [sys.executable, "-m", "deploy.local.preparation", package, *steps]
        phones = f"{self.keys['operator_phone']},{self.keys['second_operator_phone']}"
        apps = f"{self.keys['operator_authenticator']},{self.keys['second_operator_authenticator']}"
        operators = {"operator_phones": phones, "operator_authenticators": apps}
        environment = self.environment(*SECRETS, **operators, **self.administration)
        return Program(f"{package}.{name}", command, where="", environment=environment)

    def _http(self, name: str, module: str) -> Program:
        port = self.port(name)
        protocols = {"gateway": "gateway.connection:ClientConnection"} | dict.fromkeys(PACKAGES, _SERVICE_CONNECTION)
        protocol = protocols.get(name, "httptools")
        command = f"-m uvicorn --factory {module}:create_app --host 127.0.0.1 --port {port} --no-access-log"
        command += f" --loop uvloop --http {protocol} --no-server-header --timeout-graceful-shutdown 5"
        # The gateway ignores what a client says of its address; the services trust the gateway.
        command += " --no-proxy-headers" if name == "gateway" else ""
        metrics = METRICS_PORT_OFFSETS.get(name)
        more = {} if metrics is None else {"metrics_port": str(self.base_port + metrics)}
        return Program(
            name,
            [sys.executable, *command.split()],
            where=self.url(name),
            ready=partial(_answers_ready, port),
            environment=self.environment(name, **more),
        )


def _answers_ready(port: int) -> bool:
    if not accepts_connections(port):
        return False
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
