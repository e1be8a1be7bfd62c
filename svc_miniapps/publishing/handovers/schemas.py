from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_miniapps.publishing.handovers import models
from svc_miniapps.publishing.handovers.models import HandoverStatus


class NewHandover(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    to_team_id: UUID
    """As the other team reads it at /miniapps/v1/teams."""


class Handover(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    handover_id: Annotated[UUID, Field(validation_alias="id")]
    app_id: UUID
    from_team_id: UUID
    to_team_id: UUID
    status: HandoverStatus
    proposed_by: UUID
    proposed_at: datetime
    accepted_by: UUID | None
    confirmed_by: UUID | None
    ended_at: datetime | None

    @classmethod
    def of(cls, handover: models.AppHandover) -> "Handover":
        return cls.model_validate(handover)
