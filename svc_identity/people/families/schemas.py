from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from svc_identity.fields import Phone, Until
from svc_identity.people.families.models import FamilyKind, FamilyScope, FamilyStatus
from svc_identity.people.names import PersonName

MOST_FEN = 10_000_000
Limit = Annotated[int, Field(gt=0, le=MOST_FEN)]


class FamilySide(StrEnum):
    HELPED = "helped"
    HELPER = "helper"


class NewFamilyAccount(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    phone: Phone
    """The helper's; they need not be registered yet."""
    name: PersonName
    """As the helper proves it: nobody else who has this phone later can accept."""
    scopes: Annotated[list[FamilyScope], Field(min_length=1, max_length=10)]
    day_limit_fen: Limit | None = None
    """The most that the helper pays on a day, in China; needed with `pay`, and only then."""
    month_limit_fen: Limit | None = None
    """The most that the helper pays in a calendar month, in China; needed with `pay`, and only then."""
    until: Until = None

    @model_validator(mode="after")
    def _limits(self) -> Self:
        limits = self.day_limit_fen, self.month_limit_fen
        if FamilyScope.PAY not in self.scopes:
            if limits != (None, None):
                raise ValueError("limits are for a helper who may pay")
        elif self.day_limit_fen is None or self.month_limit_fen is None:
            raise ValueError("a helper who may pay needs a limit for a day and one for a month")
        elif self.day_limit_fen > self.month_limit_fen:
            raise ValueError("the limit for a day is at most that for a month")
        return self


class FamilyAccount(BaseModel):
    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    family_account_id: Annotated[UUID, Field(validation_alias="id")]
    kind: FamilyKind
    """Expect further values within v1."""
    side: FamilySide
    """Which of the two the caller is."""
    helped_id: UUID
    helped_name: Annotated[str, Field(examples=["张*"])]
    helper_id: UUID | None
    """Who accepted it."""
    helper_name: Annotated[str, Field(examples=["李*"])]
    phone: Annotated[str, Field(validation_alias="phone_masked", examples=["138****0001"])]
    """The helper's."""
    scopes: list[FamilyScope]
    day_limit_fen: int | None
    month_limit_fen: int | None
    valid_until: datetime
    status: FamilyStatus
    proposed_by: UUID
    proposed_at: datetime
    accepted_at: datetime | None
    ended_by: UUID | None
    ended_at: datetime | None
