from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.text import Line
from kit.fields.divisions import DivisionCode
from svc_identity.privacy.corrections.models import Correction as Row
from svc_identity.privacy.corrections.models import CorrectionStatus, Subject

Words = Annotated[Line, Field(min_length=2, max_length=500)]


class NewCorrection(BaseModel):
    """What is wrong, and what is right."""

    about: Subject
    division_code: DivisionCode
    words: Words


class CorrectionAnswer(BaseModel):
    """What came of a request."""

    outcome: Literal[CorrectionStatus.CORRECTED, CorrectionStatus.REFUSED]
    answer: Words = Field(description="What was done, or why not and where else to turn. The person reads it.")


class Correction(BaseModel):
    """A request of the caller."""

    correction_id: UUID
    about: Subject
    division_code: str
    words: str | None
    status: CorrectionStatus
    asked_at: datetime
    due_on: date = Field(description="The last day for the answer: fifteen working days.")
    answer: str | None
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Row) -> "Correction":
        return cls(
            correction_id=row.id, **{name: getattr(row, name) for name in cls.model_fields if name != "correction_id"}
        )


class OpenCorrection(BaseModel):
    """A request in the list of clerks, which names nobody."""

    correction_id: UUID
    about: Subject
    division_code: str
    asked_at: datetime
    due_on: date
    late: bool = Field(description="The last day for the answer is over.")

    @classmethod
    def of(cls, row: Row, day: date) -> "OpenCorrection":
        return cls(
            correction_id=row.id,
            about=row.about,
            division_code=row.division_code,
            asked_at=row.asked_at,
            due_on=row.due_on,
            late=row.due_on < day,
        )


class CorrectionAtCounter(Correction):
    """A request as the clerk who answers it sees it."""

    name: str | None = Field(examples=["张*"])
    phone: str | None = Field(examples=["138****0001"])
    answered_by: UUID | None
