from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_miniapps.insights.figures import models
from svc_miniapps.publishing.reviews.models import Outcome


class PeopleOfDivision(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    division_code: str | None
    """Null for several divisions together, each with fewer than ten people."""
    people: int


class AppFigure(BaseModel):
    """One version on one day that is over."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    day: date
    version_code: int
    opens: int
    errors: int
    """Reported by phones."""
    people: list[PeopleOfDivision]
    """How many have opened it, for groups of ten people and more; empty where there were fewer."""

    @classmethod
    def of(cls, row: models.AppFigure) -> "AppFigure":
        names = ("day", "version_code", "opens", "errors")
        people = [PeopleOfDivision.model_validate(each) for each in row.people]
        return cls(people=people, **{name: getattr(row, name) for name in names})


class ReviewTime(BaseModel):
    """How long one review took."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    release_id: UUID
    version_code: int
    outcome: Outcome
    submitted_at: datetime
    decided_at: datetime | None
    working_days: int | None
    """After the day of the submission, up to the day of the decision; null while there is none."""
