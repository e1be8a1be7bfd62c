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
    """null: not approved by a second operator, so not in force."""
    approved_at: datetime | None
    in_force_from: date | None
    """null while it is not approved. The highest version in force on a day applies."""


class TermsInForce(BaseModel):
    """The payment terms of a provider today."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    provider_id: UUID
    version: int | None
    """null: nothing is agreed; the default terms apply."""
    in_force_from: date | None
    terms: PublicTerms
