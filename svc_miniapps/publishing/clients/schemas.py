from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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


class NewClientRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    redirect_uris: Annotated[
        list[Annotated[Line, Field(max_length=500)]], Field(min_length=1, max_length=10), AfterValidator(_once)
    ]
    """Where residents return to: https, a name in lower case, an optional port other than 443, a path; nothing else."""
    scopes: Annotated[list[ClientScope], Field(min_length=1, max_length=9), AfterValidator(_once)]
    reason: Sentence
    """What for, as the reviewer reads it."""


class ClientSuspension(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Sentence


class ClientRequest(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    client_request_id: Annotated[UUID, Field(validation_alias="id")]
    app_id: UUID
    redirect_uris: list[str]
    scopes: list[str]
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
    suspended_at: datetime | None
    suspended_by: UUID | None
    suspension_reason: str | None

    @classmethod
    def of(cls, client: models.AppClient) -> "AppClient":
        names = ("app_id", "redirect_uris", "scopes", "suspended_at", "suspended_by", "suspension_reason")
        return cls(client_id=f"miniapp-{client.app_id}", **{name: getattr(client, name) for name in names})
