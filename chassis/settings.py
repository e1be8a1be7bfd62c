"""Settings every service has, read once from MYILI_* environment variables."""

import sys
from typing import ClassVar, NoReturn, TypeVar

from pydantic import PositiveInt, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

AUDIENCE = "myili"


class ProcessSettings(BaseSettings):
    """Settings of every process of the platform."""

    # .env.example lists every setting; an empty value counts as unset.
    # Nested settings are written with two underscores: MYILI_WECHAT__APP_ID.
    model_config = SettingsConfigDict(
        env_prefix="MYILI_", env_nested_delimiter="__", env_ignore_empty=True, frozen=True, extra="ignore"
    )

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


class ServiceSettings(ProcessSettings):
    """Settings of every service; each service adds its own in a subclass."""

    service: ClassVar[str]
    """Short name of the service, used in its paths, its database name and its event types."""

    database_url: SecretStr
    """A PostgreSQL server, without a database: each service has its own on it."""
    kafka: str
    """Bootstrap servers, `host:port[,host:port]`."""
    worker_port: int | None = None
    """The port of the worker's /livez and /metrics; without it they are not served."""
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
    return "__".join(str(part) for part in place if isinstance(part, str)).upper()


def _exit_with_sentence(error: ValidationError) -> NoReturn:
    # Only names and reasons: a rejected value may be a secret.
    faults = (
        f"MYILI_{_name(fault['loc'])}: {'is not set' if fault['type'] == 'missing' else fault['msg']}"
        for fault in error.errors(include_input=False, include_url=False)
    )
    sys.stderr.write(f"Settings are not usable: {'; '.join(faults)}. See .env.example.\n")
    raise SystemExit(2)
