"""Settings of the embedded run. An invalid one is reported in one sentence, never as a traceback."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.errors import CannotStart

DEFAULT_PORT = 8000
HIGHEST_PORT = 65_535
PORTS_USED = 21  # from the base port upwards
REPOSITORY = Path(__file__).resolve().parents[2]


class LocalSettings(BaseSettings):
    """The settings of `make run`; a value in the environment overrides one in `.env`."""

    model_config = SettingsConfigDict(
        env_prefix="MYILI_", env_file=REPOSITORY / ".env", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    port: Annotated[int, Field(ge=1, le=HIGHEST_PORT - PORTS_USED)] = DEFAULT_PORT
    data: Path = Path("var/local")
    database_admin_url: SecretStr | None = None
    kafka: str | None = None

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return (REPOSITORY / value.expanduser()).resolve()

    @field_validator("database_admin_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("must be a URL like postgresql://user:password@host:5432")
        return value

    @field_validator("kafka")
    @classmethod
    def _is_addresses(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"[^\s:,]+:\d{1,5}(,[^\s:,]+:\d{1,5})*", value):
            raise ValueError("must be host:port[,host:port]")
        return value


def load() -> LocalSettings:
    try:
        return LocalSettings()
    except ValidationError as error:
        # Only names and reasons: a rejected value may be a secret.
        faults = "; ".join(
            f"MYILI_{str(fault['loc'][0]).upper()}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise CannotStart(f"A setting is not usable: {faults}. See .env.example.") from None


def given() -> Mapping[str, str]:
    """Every MYILI_* setting of the environment and of `.env`, by its name in lower case without the prefix."""
    from dotenv import dotenv_values  # comes with pydantic-settings, which reads the same file

    everything = {**dotenv_values(REPOSITORY / ".env"), **os.environ}
    return {
        name.removeprefix("MYILI_").lower(): value
        for name, value in everything.items()
        if name.startswith("MYILI_") and value
    }
