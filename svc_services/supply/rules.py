"""What a kind of utility owes its customers before it interrupts supply, and after arrears are paid.

The figures are data, each with its basis; where no rule of the State is known, they are the platform's own.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from svc_services.reference.models import UtilityKind

_FILE = Path(__file__).parents[2] / "contracts" / "reference_data" / "supply_rules.json"


class Regulation(BaseModel):
    """What states a limit; its article as far as it is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    document: Annotated[str, Field(pattern="^《.+》$")]
    article: Annotated[str, Field(pattern="^第.+条$")] | None = None


class OwnLimit(BaseModel):
    """No regulation is known that states it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    set_by: Literal["operators"]


Source: TypeAlias = Regulation | OwnLimit


class Sources(BaseModel):
    """Of each limit its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outage_notice_hours: Source
    payment_days: Source
    overdue_days: Source
    least_fen: Source
    cut_off_notice_days: Source
    reconnection_hours: Source


class SupplyRule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    outage_notice_hours: int = Field(ge=0)
    """How long before its start a planned outage is announced; a later notice is marked."""
    outage_basis: str
    payment_days: int = Field(ge=1)
    """The shortest time from an arrears notice to its deadline."""
    overdue_days: int = Field(ge=0)
    """How long after its due date a bill may lead to a cut-off, at the earliest."""
    least_fen: int = Field(ge=1)
    """For less than that nobody is cut off. The amount is the platform's own."""
    cut_off_notice_days: int = Field(ge=1)
    """How long before its day a cut-off is announced."""
    reconnection_hours: int = Field(ge=1)
    """How soon supply is back after the arrears are paid."""
    arrears_basis: str
    sources: Sources

    @property
    def outage_notice(self) -> timedelta:
        return timedelta(hours=self.outage_notice_hours)

    @property
    def reconnection(self) -> timedelta:
        return timedelta(hours=self.reconnection_hours)


RULES: Mapping[UtilityKind, SupplyRule] = TypeAdapter(dict[UtilityKind, SupplyRule]).validate_json(_FILE.read_bytes())
