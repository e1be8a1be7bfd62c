from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.text import Instant, Line
from kit.fields.divisions import DivisionCode
from kit.fields.labels import Label
from svc_services.accounts.premises.schemas import Address
from svc_services.reference.models import UtilityKind
from svc_services.supply.outages.models import OutageCause, OutageNature, OutageStatus


class OutageArea(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    division_code: DivisionCode
    address: Address | None = None
    """How the addresses without supply begin, such as 解放西路 or 解放西路12号; null for the whole division."""


class OutageContent(BaseModel):
    """What a company says of an outage."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    cause: OutageCause
    note: Annotated[Line, Field(max_length=300)] | None = None
    """Shown to everybody in the company's words."""
    starts_at: Instant
    expected_end: Instant | None = None
    """A planned outage has one."""
    areas: Annotated[list[OutageArea], Field(min_length=1, max_length=200)]
    confirmed: Annotated[bool, Field(strict=True)] = False
    """That addresses at which no account is known are meant; after 409 `outage_areas_unmatched`."""


class NewOutage(OutageContent):
    nature: OutageNature

    @model_validator(mode="after")
    def _planned_end(self) -> Self:
        if self.nature == OutageNature.PLANNED and self.expected_end is None:
            raise ValueError("a planned outage has an expected end")
        return self


class OutageChange(OutageContent):
    version: Annotated[int, Field(strict=True, ge=1, le=1000)]
    """The one that is changed, so that no other change is overwritten."""


class OutageEnd(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    ended_at: Instant
    """When supply was back; not in the future."""


class OutageCancellation(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    note: Annotated[Line, Field(max_length=300)] | None = None


class OutageVersion(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    version: int
    status: OutageStatus
    cause: OutageCause
    note: str | None
    starts_at: datetime
    expected_end: datetime | None
    ended_at: datetime | None
    short_notice: bool
    areas: list[OutageArea]
    recorded_at: datetime


class Outage(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    outage_id: UUID
    provider_id: UUID
    provider_name: str
    kind: UtilityKind
    nature: OutageNature
    version: int
    """Rises with each change."""
    status: OutageStatus
    status_name: Label
    cause: OutageCause
    cause_name: Label
    note: str | None
    """In the company's words."""
    starts_at: datetime
    expected_end: datetime | None
    """Null: not known yet."""
    ended_at: datetime | None
    short_notice: bool
    """Planned, and announced later than the rule of its kind has it."""
    notice_hours: int
    """How long before its start a planned outage of this kind is announced."""
    notice_basis: str
    areas: list[OutageArea]
    updated_at: datetime


class Reach(StrEnum):
    """How many bound accounts are in the areas. None and few are one answer: who has bound an account is not told."""

    UNDER_10 = "under_10"
    UNDER_100 = "10_to_99"
    MORE = "100_or_more"


class ReportedOutage(Outage):
    known_accounts: Reach
    """If it is fewer than you expect, compare the areas with the addresses that you report as premises."""
    unmatched_addresses: list[str]
    """Those of the areas at which no account is known."""


class OutageWithVersions(Outage):
    versions: list[OutageVersion]
    """All that was said of it, the newest first."""
