"""Settings of anchoring and of proving."""

from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import AfterValidator, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_END = "-----END PUBLIC KEY-----"


def _is_durable(value: str) -> str:
    if not value.startswith(("file:///", "s3://")):
        raise ValueError("must be a file:///… or s3://… URL")
    return value


def private_key(pem: SecretStr) -> Ed25519PrivateKey:
    """The key that signs anchors.

    Raises:
        ValueError: it is no Ed25519 private key in PEM.
    """
    key = load_pem_private_key(pem.get_secret_value().encode(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("must be an Ed25519 private key in PEM")  # noqa: TRY004 - a setting is wrong, not the code
    return key


def public_keys(pem: str) -> tuple[Ed25519PublicKey, ...]:
    """The keys whose anchors are accepted, one PEM block after the other.

    Raises:
        ValueError: one of them is no Ed25519 public key in PEM, or there is none.
    """
    blocks = [f"{block}{_END}\n".encode() for block in pem.split(_END)[:-1]]
    keys = tuple(load_pem_public_key(block.strip()) for block in blocks)
    found = tuple(key for key in keys if isinstance(key, Ed25519PublicKey))
    if not found or len(found) < len(keys):
        raise ValueError("must be Ed25519 public keys in PEM, one after the other")
    return found


def _signs(value: SecretStr) -> SecretStr:
    private_key(value)
    return value


def _verify(value: str) -> str:
    public_keys(value)
    return value


def _names_no_database(value: SecretStr) -> SecretStr:
    # Another name than the service's own would be passed over, and a copy declared right by what the original holds.
    try:
        url = make_url(value.get_secret_value())
    except ArgumentError:
        raise ValueError("is not a URL like postgresql://user:password@host:5432") from None
    if not url.drivername.startswith("postgresql") or url.database:
        raise ValueError("must be a postgresql:// URL that names no database: the service's own is proven")
    return value


ServerUrl = Annotated[SecretStr, AfterValidator(_names_no_database)]
StoreUrl = Annotated[str, AfterValidator(_is_durable)]
AnchorKey = Annotated[SecretStr, AfterValidator(_signs)]
PublicKeys = Annotated[str, AfterValidator(_verify)]


class ProofSettings(BaseSettings):
    """All that proving a service's trail needs, so that an auditor can do it without the keys of the service."""

    model_config = SettingsConfigDict(env_prefix="MYILI_", env_ignore_empty=True, frozen=True, extra="ignore")

    database_url: ServerUrl
    """The PostgreSQL server, without a database: each service has its own on it."""
    anchor_public_keys: PublicKeys
    """PEM of the Ed25519 keys that anchors were signed with, one after the other."""

    @property
    def store_url(self) -> str:
        """Where anchors are kept outside the database; each service names its own setting."""
        raise NotImplementedError

    def database_of(self, service: str) -> URL:
        url = make_url(self.database_url.get_secret_value())
        return url.set(drivername="postgresql+asyncpg", database=f"myili_{service}")


class TrailSettings(ProofSettings):
    """The same of a service whose store is named by MYILI_ANCHORS."""

    anchors: StoreUrl
    """Where anchors are kept outside the database."""

    @property
    def store_url(self) -> str:
        return self.anchors


class AnchorKeySettings(BaseSettings):
    """What anchoring by hand needs besides."""

    model_config = ProofSettings.model_config

    anchor_key: AnchorKey
    """PEM of the Ed25519 key that signs anchors."""
