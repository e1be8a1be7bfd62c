from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_miniapps.fields import Sentence
from svc_miniapps.publishing.quotas import models
from svc_miniapps.publishing.quotas.models import QuotaChangeStatus


class Quota(BaseModel):
    limit: int
    used: int


class TeamQuotas(BaseModel):
    """What a team may use, and what it uses."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    team_id: UUID
    apps: Quota
    """Those that have ended do not count."""
    members: Quota
    uploads_today: Quota
    """Packages that were accepted since midnight in China."""
    storage_bytes: Quota
    """Of all packages of its apps."""


class NewQuotaChange(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    app_quota: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = None
    member_quota: Annotated[int, Field(ge=1, le=1000, strict=True)] | None = None
    upload_quota: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None
    """Packages a day."""
    storage_quota_mb: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] | None = None
    reason: Sentence


class QuotaChange(BaseModel):
    """The quotas of a team as they are to be."""

    model_config = ConfigDict(from_attributes=True)

    quota_change_id: Annotated[UUID, Field(validation_alias="id")]
    team_id: UUID
    app_quota: int
    member_quota: int
    upload_quota: int
    storage_quota_mb: int
    reason: str
    status: QuotaChangeStatus
    proposed_by: UUID
    proposed_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, change: models.TeamQuotaChange) -> "QuotaChange":
        return cls.model_validate(change)
