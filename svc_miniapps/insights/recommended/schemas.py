from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from chassis.text import Day
from kit.fields.divisions import DivisionCode
from svc_miniapps.fields import Sentence
from svc_miniapps.insights.recommended import models

MOST_APPS = 20


def _once_each(app_ids: list[UUID]) -> list[UUID]:
    if len(set(app_ids)) != len(app_ids):
        raise ValueError("must not name an app twice")
    return app_ids


class NewRecommendedList(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    division_code: DivisionCode
    app_ids: Annotated[list[UUID], Field(max_length=MOST_APPS), AfterValidator(_once_each)]
    """In the order in which they are shown; of the division or the prefecture. Empty: nothing is recommended."""
    valid_from: Day
    valid_until: Day
    """The last day on which it is shown."""
    reason: Sentence
    """Why these: the second operator reads it."""

    @model_validator(mode="after")
    def _ends_later(self) -> Self:
        if self.valid_until < self.valid_from:
            raise ValueError("valid_until must not be before valid_from")
        return self


class RecommendedList(BaseModel):
    """A list on its way, or as it was decided."""

    model_config = ConfigDict(from_attributes=True)

    list_id: Annotated[UUID, Field(validation_alias="id")]
    division_code: str
    status: models.ListStatus
    app_ids: list[UUID]
    valid_from: date
    valid_until: date
    reason: str
    proposed_by: UUID
    proposed_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, row: models.RecommendedList) -> "RecommendedList":
        return cls.model_validate(row)
