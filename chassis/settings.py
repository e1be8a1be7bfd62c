"""Settings every service has, read once from MYILI_* environment variables."""

import re
import ssl
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn, TypeVar

from pydantic import PositiveInt, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

AUDIENCE = "myili"
_LOOPBACK = re.compile(r"(localhost|127\.0\.0\.[0-9]|\[::1]):[0-9]+")


class EnvironmentSettings(BaseSettings):
    """Settings named MYILI_*; .env.example lists them all."""

    # An empty value counts as unset. Nested settings are written with two underscores: MYILI_WECHAT__APP_ID.
    model_config = SettingsConfigDict(
        env_prefix="MYILI_", env_nested_delimiter="__", env_ignore_empty=True, frozen=True, extra="ignore"
    )


class ProcessSettings(EnvironmentSettings):
    """Settings of every process of the platform."""

    public_url: str
    """The gateway as its clients see it, without a trailing slash."""
    jwks_url: str
    """Where the public keys of access tokens are fetched."""
    log_level: str = "INFO"
    otlp_endpoint: str | None = None
    """An OpenTelemetry collector (OTLP over HTTP); without it traces are not exported."""
    metrics_port: PositiveInt | None = None
    """The port of /metrics; without it they are not served. Never the public one."""
    metrics_host: str = "127.0.0.1"

    @field_validator("public_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @property
    def issuer(self) -> str:
        """Who signs access tokens: the OpenID Connect issuer."""
        return f"{self.public_url}/identity"


class KafkaSettings(EnvironmentSettings):
    """Where Kafka is, and as whom it is used: by SASL_SSL, or without authentication on this machine."""

    kafka_username: str | None = None
    kafka_password: SecretStr | None = None
    kafka_ca: str | None = None
    """The authorities of the brokers' certificates, PEM; without it those of the system."""
    kafka_insecure: bool = False
    """Whether a broker elsewhere is used without authentication: whoever reaches it can forge every event."""
    kafka: str
    """Bootstrap servers, `host:port[,host:port]`."""

    @field_validator("kafka")
    @classmethod
    def _is_authenticated(cls, value: str, info: ValidationInfo) -> str:
        username, password, ca = (info.data.get(f"kafka_{name}") for name in ("username", "password", "ca"))
        if bool(username) != bool(password) or (ca and not username):
            raise ValueError("MYILI_KAFKA_USERNAME and MYILI_KAFKA_PASSWORD belong together, and to MYILI_KAFKA_CA")
        if not (username or info.data.get("kafka_insecure") or all(map(_LOOPBACK.fullmatch, value.split(",")))):
            raise ValueError("elsewhere needs MYILI_KAFKA_USERNAME and _PASSWORD, or MYILI_KAFKA_INSECURE=true")
        try:
            if ca:
                ssl.create_default_context(cadata=ca)
        except (ssl.SSLError, ValueError, TypeError):
            raise ValueError("MYILI_KAFKA_CA must be certificates in PEM") from None
        return value

    @property
    def kafka_client(self) -> Mapping[str, Any]:
        """What every client of aiokafka is made with. It holds the password."""
        if not (self.kafka_username and self.kafka_password):
            return {"bootstrap_servers": self.kafka}
        return {
            "bootstrap_servers": self.kafka,
            "security_protocol": "SASL_SSL",
            "ssl_context": ssl.create_default_context(cadata=self.kafka_ca),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.kafka_username,
            "sasl_plain_password": self.kafka_password.get_secret_value(),
        }


class ServiceSettings(ProcessSettings, KafkaSettings):
    """Settings of every service; each service adds its own in a subclass."""

    service: ClassVar[str]
    """Short name of the service, used in its paths, its database name and its event types."""

    database_url: SecretStr
    """A PostgreSQL server, without a database: each service has its own on it."""
    worker_port: int | None = None
    """The port of the worker's /livez, /readyz and /metrics; without it they are not served."""
    worker_host: str = "127.0.0.1"
    database_pool_size: int = 10

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        try:
            url = make_url(value.get_secret_value())
        except ArgumentError:
            raise ValueError("is not a URL like postgresql://user:password@host:5432") from None
        if not url.drivername.startswith("postgresql"):
            raise ValueError("must be a postgresql:// URL")
        return value

    @property
    def database(self) -> URL:
        """This service's own database on the configured server."""
        return make_url(self.database_url.get_secret_value()).set(
            drivername="postgresql+asyncpg", database=f"myili_{self.service}"
        )


Settings = TypeVar("Settings", bound=BaseSettings)


def load(settings: type[Settings]) -> Settings:
    """Read settings from the environment; an invalid one ends the process with one sentence and exit code 2."""
    try:
        return settings()
    except ValidationError as error:
        _exit_with_sentence(error)


def _name(place: tuple[int | str, ...]) -> str:
    # Names only: the rest of the path are list indexes and types of unions, which have no variable.
    name = "__".join(str(part) for part in place if isinstance(part, str)).upper()
    return f"MYILI_{name}: " if name else ""


def _exit_with_sentence(error: ValidationError) -> NoReturn:
    # Only names and reasons: a rejected value may be a secret.
    faults = (
        f"{_name(fault['loc'])}{'is not set' if fault['type'] == 'missing' else fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )
    sys.stderr.write(f"Settings are not usable: {'; '.join(faults)}. See .env.example.\n")
    raise SystemExit(2)
