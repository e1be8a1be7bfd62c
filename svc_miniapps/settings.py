from typing import ClassVar, Literal

from pydantic import SecretStr, field_validator

from chassis.db import now
from chassis.settings import ServiceSettings
from kit.audit.settings import AnchorKey, StoreUrl
from kit.signatures.keys import load_private_key
from kit.signing_keys import read_signing_keys, signing_at
from kit.staff.settings import CoolingOffHours


class Settings(ServiceSettings):
    service: ClassVar[str] = "miniapps"

    packages: str
    """The object store of packages: `file:///folder`, or `s3://bucket/prefix` with the usual AWS_* variables."""
    package_signing_key: SecretStr
    """EC P-256 private keys in PEM, one after the other, that sign approved packages. The first signs, or by a
    schedule: see `packages/key_rotation.py`."""
    provider_endpoints: Literal["public", "any"] = "public"
    """Where teams' webhooks and servers are called. `public`: by https, at public addresses only; `any` is for the
    embedded run, where teams may also register `.localhost` names with a port, called on this machine by http."""
    cooling_off_hours: CoolingOffHours = 24
    """For how long somebody has held a role before acting by it as the second person; 0: at once."""

    @property
    def with_loopback(self) -> bool:
        return self.provider_endpoints == "any"

    @field_validator("packages")
    @classmethod
    def _is_durable(cls, value: str) -> str:
        if not value.startswith(("file:///", "s3://")):
            raise ValueError("must be a file:///… or s3://… URL")
        return value

    @field_validator("package_signing_key")
    @classmethod
    def _are_signing_keys(cls, value: SecretStr) -> SecretStr:
        signing_at(read_signing_keys(value.get_secret_value()), now())
        return value


class WorkerSettings(Settings):
    """The API process neither reads anchors nor signs them."""

    provider_signing_key: SecretStr
    """RSA private key (PEM) that signs deliveries to teams; svc_services publishes its public half."""
    anchors: StoreUrl
    """Where the heads of the trail are kept each hour; best where the owner of the database cannot write."""
    anchor_key: AnchorKey
    """PEM of the Ed25519 key that signs anchors; auditors have its public half."""

    @field_validator("provider_signing_key")
    @classmethod
    def _is_a_signing_key(cls, value: SecretStr) -> SecretStr:
        load_private_key(value.get_secret_value())
        return value
