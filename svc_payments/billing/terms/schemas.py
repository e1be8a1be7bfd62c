from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Day, Line
from svc_payments.billing.terms.terms import PublicTerms, Terms


class NewTerms(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    in_force_from: Day
    """Today or later; a provider's first terms may have begun earlier, since they record what applies already."""
    terms: Terms
    reason: Annotated[Line, Field(max_length=500)]
    """Why they change, such as the number of the agreement."""


class TermsVersion(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    version: int
    terms: Terms
    reason: str
    wanted_from: date
    proposed_by: UUID
    proposed_at: datetime
    approved_by: UUID | None
    """null: not in force until a second operator has approved it."""
    approved_at: datetime | None
    in_force_from: date | None
    """null while it is not approved. On a day the highest version holds that is in force by then."""


class TermsInForce(BaseModel):
    """What holds today for paying this provider."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    version: int | None
    """null: nothing has been agreed; the terms are those of every such provider."""
    in_force_from: date | None
    terms: PublicTerms
