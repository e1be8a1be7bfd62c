from typing import ClassVar, Literal

from pydantic import SecretStr, field_validator

from chassis.settings import ServiceSettings
from kit.audit.settings import AnchorKey, StoreUrl
from kit.signatures.keys import load_private_key
from kit.staff.settings import CoolingOffHours


class Settings(ServiceSettings):
    service: ClassVar[str] = "miniapps"

    packages: str
    """The object store of packages: `file:///folder`, or `s3://bucket/prefix` with the usual AWS_* variables."""
    provider_endpoints: Literal["public", "any"] = "public"
    """Of teams' webhooks. `public`: https and public addresses only; `any` is for the embedded run."""
    cooling_off_hours: CoolingOffHours = 24
    """For how long somebody has held a role before acting by it as the second person; 0: at once."""

    @field_validator("packages")
    @classmethod
    def _is_durable(cls, value: str) -> str:
        if not value.startswith(("file:///", "s3://")):
            raise ValueError("must be a file:///… or s3://… URL")
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
