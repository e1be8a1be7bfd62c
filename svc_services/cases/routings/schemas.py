from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from kit.fields.divisions import DivisionCode
from svc_services.fields import Reason


class WantedRouting(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    division_code: DivisionCode
    provider_id: UUID
    """Of the same utility, serving this division; the present one where only the division was wrong."""
    reason: Reason
    """The applicant reads it."""


class CaseRouting(BaseModel):
    """The case went to another division or provider; its number and the days that it has used stay."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    from_division_code: str
    to_division_code: str
    from_provider_id: UUID
    to_provider_id: UUID
    reason: str | None
    routed_at: datetime
