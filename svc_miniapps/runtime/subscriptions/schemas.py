from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from svc_miniapps.runtime.subscriptions import models
from svc_miniapps.runtime.templates.models import TemplateStatus


def _once(ids: list[UUID]) -> list[UUID]:
    if len(set(ids)) < len(ids):
        raise ValueError("must not name a value twice")
    return ids


class NewConsents(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    openid_ticket: Annotated[str, Field(min_length=1, max_length=4096)]
    """Of svc_identity, `POST /identity/v1/me/openid-tickets`. It says which app it is."""
    template_ids: Annotated[list[UUID], Field(min_length=1, max_length=3), AfterValidator(_once)]
    """What the resident has agreed to just now, one message of each."""


class ConsentStatus(StrEnum):
    UNUSED = "unused"
    USED = "used"
    ENDED = "ended"
    """Revoked, expired, or the app or the template has gone."""


class MessageConsent(BaseModel):
    consent_id: UUID
    app_id: UUID
    app_name: str
    template_id: UUID
    title: str
    status: ConsentStatus
    given_at: datetime
    expires_at: datetime
    used_at: datetime | None

    @classmethod
    def of(cls, consent: models.MessageConsent, title: str, at: datetime) -> "MessageConsent":
        is_open = consent.ended_at is None and consent.expires_at > at
        is_open = is_open and consent.template.status == TemplateStatus.APPROVED
        unused = ConsentStatus.UNUSED if is_open else ConsentStatus.ENDED
        return cls(
            consent_id=consent.id,
            app_id=consent.app_id,
            app_name=consent.template.app.name,
            template_id=consent.template_id,
            title=title,
            status=ConsentStatus.USED if consent.used_at else unused,
            given_at=consent.given_at,
            expires_at=consent.expires_at,
            used_at=consent.used_at,
        )


class GivenConsents(BaseModel):
    items: list[MessageConsent]


class OfferedTemplate(BaseModel):
    """A template as a resident is asked for it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    template_id: UUID
    language: str
    title: str
    labels: list[str]
    """Of its fields, in their order."""
    unused: int
    """How many messages of it the resident has agreed to and not got."""
    most_unused: int


class OfferedTemplates(BaseModel):
    items: list[OfferedTemplate]
