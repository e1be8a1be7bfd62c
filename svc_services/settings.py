"""Settings of svc_services."""

from typing import ClassVar, Literal

from pydantic import SecretStr, field_validator

from chassis.settings import ServiceSettings
from kit.signatures.keys import load_private_key


class Settings(ServiceSettings):
    service: ClassVar[str] = "services"

    registries_url: str
    """The legal-entity registry."""
    provider_signing_key: SecretStr
    """RSA private key (PEM) that signs requests to providers."""
    provider_endpoints: Literal["public", "any"] = "public"
    """`public`: https and public addresses only. `any` is for providers on the same machine, as in the embedded run."""

    @field_validator("provider_signing_key")
    @classmethod
    def _is_a_signing_key(cls, value: SecretStr) -> SecretStr:
        load_private_key(value.get_secret_value())
        return value
