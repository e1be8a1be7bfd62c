from typing import ClassVar, Literal

from pydantic import SecretStr

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    service: ClassVar[str] = "payments"

    channel_url: str
    """The payment channel's API."""
    channel_public_key: str
    """PEM of the key the channel signs its notices and answers with."""
    merchant_key: SecretStr
    """PEM of our RSA key at the channel."""
    provider_signing_key: SecretStr
    """PEM of the RSA key that signs our calls to providers; its public half is at /payments/v1/signing-keys."""
    provider_endpoints: Literal["public", "any"] = "public"
    """`public`: providers are called over https at public addresses only; `any` is for a platform on one machine."""
