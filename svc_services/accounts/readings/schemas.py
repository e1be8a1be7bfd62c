import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from kit.fields.half_width import half_width
from svc_services.fields import AccountNumber, Day

_READING = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")


def _decimal(value: object) -> object:
    """A number in JSON would be a float by the time it is here."""
    typed = half_width(value).strip() if isinstance(value, str) else ""
    if not _READING.fullmatch(typed):
        raise ValueError("must be a text like 1234 or 1234.5")
    return Decimal(typed)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


Reading = Annotated[
    Decimal,
    BeforeValidator(_decimal, json_schema_input_type=Annotated[str, Field(max_length=13)]),
    PlainSerializer(_plain, return_type=str),
]
Quantity = Annotated[Decimal, PlainSerializer(_plain, return_type=str)]
DayOfMonth = Annotated[int, Field(strict=True, ge=1, le=31)]


class NewMeterReading(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reading: Reading
    """What the meter shows now: up to nine digits, and three behind the point."""
    confirmed: bool = False
    """That an unusual reading is meant; after 409 `reading_confirmation_needed`."""
    photo_id: UUID | None = None
    """A picture of the meter: the `material_id` of a file of one's own that is `kept`."""


class SubmittedReading(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    reading_id: UUID
    account_number: str
    read_on: date
    reading: Quantity
    usage: Quantity | None
    """Since the reading before; null for the first one."""
    rolled_over: bool
    """Whether the meter began again at 0 since the reading before."""
    confirmed: bool
    """Whether the person was asked about an unusual reading, and meant it."""
    replaces: UUID | None
    """The reading of the same day that this one corrects."""
    replaced_at: datetime | None
    """When another one corrected it; null for the reading that holds."""
    submitted_at: datetime
    photo_id: UUID | None
    """The picture of the meter, at `/meter-readings/{reading_id}/photo` of who sees the reading; null without one."""


class ReceivedMeterReading(SubmittedReading):
    number: int
    """In the provider's own row of numbers, without gaps; go on after the last one that you have."""


class MeterReadingDays(BaseModel):
    """The days of a month on which a provider takes readings; without days it takes them always."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    first_day: DayOfMonth | None = None
    last_day: DayOfMonth | None = None
    """Lower than the first where the days go past the end of a month."""

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.first_day is None) != (self.last_day is None):
            raise ValueError("name both days, or none")
        return self


class NewMeterChange(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    account_number: AccountNumber
    changed_on: Day
    """At most a year ago."""
    first_reading: Reading
    """Of the new meter."""
    digits: Annotated[int, Field(strict=True, ge=1, le=9)] | None = None
    """How many the new meter shows before its decimal point. Without them no reading may be lower than the last."""


class MeterChange(BaseModel):
    meter_change_id: UUID
    account_number: str
    changed_on: date
    first_reading: Quantity
    digits: int | None
    reported_at: datetime
