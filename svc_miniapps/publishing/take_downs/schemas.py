from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_miniapps.fields import Sentence
from svc_miniapps.publishing.take_downs import models


class NewTakeDown(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reason: Sentence
    """The team reads it."""
    emergency: bool = False
    """Takes effect at once, and lapses unless a second operator confirms it within a day."""


class Words(BaseModel):
    """A reason, or an appeal."""

    model_config = ConfigDict(extra="forbid")

    reason: Sentence


class TakeDown(BaseModel):
    """Why an app is, or was, kept from residents."""

    model_config = ConfigDict(from_attributes=True)

    take_down_id: Annotated[UUID, Field(validation_alias="id")]
    app_id: UUID
    kind: models.Kind
    status: models.TakeDownStatus
    reason: str
    proposed_at: datetime
    confirm_by: datetime | None
    confirmed_at: datetime | None
    appeal: str | None
    appealed_at: datetime | None
    restore_proposed_at: datetime | None
    restored_at: datetime | None

    @classmethod
    def of(cls, down: models.TakeDown) -> "TakeDown":
        return cls.model_validate(down)
