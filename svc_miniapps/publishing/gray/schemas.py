from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kit.fields.divisions import DivisionCode
from svc_miniapps.publishing.gray.models import GrayListing, Stage


class Widening(BaseModel):
    """The next stage: a division of a prefecture's app, or a percentage that is higher than before."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    stage: Literal[Stage.DIVISION, Stage.PERCENTAGE]
    division_code: DivisionCode | None = None
    """For the stage `division`: the county or city that has it as a whole from now on."""
    percent: Annotated[int, Field(ge=1, le=100, strict=True)] | None = None
    """For the stage `percentage`: how many of a hundred persons have it."""


class GrayRelease(BaseModel):
    """Who has a release before everybody has it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    release_id: UUID
    app_id: UUID
    stage: Stage
    first_division_code: str | None
    percent: int
    started_at: datetime
    ends_at: datetime
    """Without another step it is withdrawn then."""
    ended_at: datetime | None

    @classmethod
    def of(cls, gray: GrayListing) -> "GrayRelease":
        return cls.model_validate(gray, from_attributes=True)
