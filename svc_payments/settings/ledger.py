from typing import Annotated

from pydantic import AfterValidator, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url


def _is_durable(value: str) -> str:
    if not value.startswith(("file:///", "s3://")):
        raise ValueError("must be a file:///… or s3://… URL")
    return value


StoreUrl = Annotated[str, AfterValidator(_is_durable)]


class LedgerSettings(BaseSettings):
    """All that proving the ledger needs, so that an auditor can do it without the keys of the service."""

    model_config = SettingsConfigDict(env_prefix="MYILI_", env_ignore_empty=True, frozen=True, extra="ignore")

    database_url: SecretStr
    """The PostgreSQL server, without a database."""
    ledger_anchors: StoreUrl
    """Where heads of the chain are kept outside the database."""

    @property
    def database(self) -> URL:
        url = make_url(self.database_url.get_secret_value())
        return url.set(drivername="postgresql+asyncpg", database="myili_payments")
