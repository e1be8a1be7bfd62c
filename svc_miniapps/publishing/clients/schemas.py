from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from chassis.text import Line
from svc_miniapps.fields import Sentence
from svc_miniapps.publishing.clients import models


class ClientScope(StrEnum):
    """What residents may allow an app."""

    OPENID = "openid"
    PROFILE = "profile"
    PHONE = "phone"
    BILLS = "bills"
    PAY = "pay"
    ACCOUNTS = "accounts"
    APPLICATIONS = "applications"
    MINI_APPS = "mini_apps"
    OFFLINE_ACCESS = "offline_access"


def _once(values: list[str]) -> list[str]:
    if len(set(values)) < len(values):
        raise ValueError("must not name a value twice")
    return values


_JWKS = {
    "type": "object",
    "description": "RFC 7517, public keys, each with a kid: EC P-256 (ES256), Ed25519, or RSA from 2048 bits (PS256).",
    "required": ["keys"],
    "properties": {"keys": {"type": "array", "minItems": 1, "maxItems": 10, "items": {"type": "object"}}},
}
Jwks = Annotated[dict[str, Any], WithJsonSchema(_JWKS)]


class NewClientRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    redirect_uris: Annotated[
        list[Annotated[Line, Field(max_length=500)]], Field(max_length=10), AfterValidator(_once)
    ] = []
    """Where residents return to: https, a name in lower case, an optional port other than 443, a path; nothing else."""
    jwks: Jwks | None = None
    """Public keys of the app's server, which proves itself by them. Only the server signs residents in then."""
    scopes: Annotated[list[ClientScope], Field(min_length=1, max_length=9), AfterValidator(_once)]
    reason: Sentence
    """What for, as the reviewer reads it."""

    @model_validator(mode="after")
    def _signs_in_somehow(self) -> "NewClientRequest":
        if not self.redirect_uris and self.jwks is None:
            raise ValueError("needs redirect_uris, or jwks of the app's server")
        return self


class ClientSuspension(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Sentence


class ClientRequest(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    client_request_id: Annotated[UUID, Field(validation_alias="id")]
    app_id: UUID
    redirect_uris: list[str]
    scopes: list[str]
    jwks: dict[str, Any] | None
    reason: str
    status: models.RequestStatus
    requested_by: UUID
    requested_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None

    @classmethod
    def of(cls, request: models.ClientRequest) -> "ClientRequest":
        return cls.model_validate(request)


class AppClient(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    app_id: UUID
    client_id: str
    """Its name at the authorization server, some seconds after the approval."""
    redirect_uris: list[str]
    scopes: list[str]
    jwks: dict[str, Any] | None
    suspended_at: datetime | None
    suspended_by: UUID | None
    suspension_reason: str | None

    @classmethod
    def of(cls, client: models.AppClient) -> "AppClient":
        names = ("app_id", "redirect_uris", "scopes", "jwks", "suspended_at", "suspended_by", "suspension_reason")
        return cls(client_id=f"miniapp-{client.app_id}", **{name: getattr(client, name) for name in names})
