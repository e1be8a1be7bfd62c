"""Settings of svc_services."""

from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from fastapi import Depends, Request
from pydantic import Field, SecretStr, field_validator

from chassis.settings import ServiceSettings
from kit.audit.settings import AnchorKey, StoreUrl
from kit.scanning import OFF, ScannerAddress
from kit.signatures.keys import load_private_key, load_public_keys
from kit.staff.settings import CoolingOffHours

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Settings(ServiceSettings):
    service: ClassVar[str] = "services"

    registries_url: str
    """The legal-entity registry."""
    provider_signing_key: SecretStr
    """RSA private key (PEM) that signs requests to providers."""
    provider_endpoints: Literal["public", "any"] = "public"
    """`public`: https and public addresses only. `any` is for providers on the same machine, as in the embedded run."""
    cooling_off_hours: CoolingOffHours = 24
    """For how long somebody has held a role before acting by it as the second person; 0: at once."""

    applications_per_address: int = Field(default=20, ge=1)
    """Applications an hour from one network address without a token of who speaks for the company."""
    onboarding: Literal["reviewed", "direct"] = "reviewed"
    """`reviewed`: a company is connected by two operators after a passed conformance run. `direct`: by one operator at
    once, for sample companies of the embedded run."""
    application_days: int = Field(default=30, ge=1, le=366)
    """Days until an undecided application to connect expires, unless the legal representative made it."""
    binding_proof_months: int = Field(default=36, ge=0, le=240)
    """Months after which the holder of a bound account has to be verified anew, within thirty days; 0: never."""

    materials: StoreUrl
    """The object store of what residents hand in: `file:///folder`, or `s3://bucket/prefix` with AWS_* variables."""
    material_scanner: ScannerAddress = OFF
    """The clamd that looks at it: `tcp://host:port` or `unix:///path`; `off`: nobody does."""

    paper_checks_per_address: int = Field(default=30, ge=1)
    """Wrong verification codes of papers an hour from one network address."""

    hotline_url: str = "off"
    """Where the 12345 hotline takes tickets; `off`: it is told nothing."""
    hotline_public_key: str | None = None
    """PEM of the RSA key with which the hotline signs; without it no ticket of the hotline is taken."""

    @field_validator("hotline_url")
    @classmethod
    def _is_a_hotline(cls, value: str) -> str:
        parts = urlsplit(value)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if value != "off" and not (secure and parts.hostname and not parts.query and not parts.fragment):
            raise ValueError("must be off, or the https address of the hotline")
        return value.rstrip("/")

    @field_validator("hotline_public_key")
    @classmethod
    def _is_a_key(cls, value: str | None) -> str | None:
        if value:
            load_public_keys(value)
        return value

    @field_validator("provider_signing_key")
    @classmethod
    def _is_a_signing_key(cls, value: SecretStr) -> SecretStr:
        load_private_key(value.get_secret_value())
        return value


class WorkerSettings(Settings):
    """The API process neither reads anchors nor signs them."""

    anchors: StoreUrl
    """Where the heads of the trail are kept each hour; best where the owner of the database cannot write."""
    anchor_key: AnchorKey
    """PEM of the Ed25519 key that signs anchors; auditors have its public half."""


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


TheSettings = Annotated[Settings, Depends(_settings)]
