from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_identity.fields import Phone, Until
from svc_identity.organisations.role_changes.schemas import Reason


class NewProviderAdmin(BaseModel):
    """Who is to be admin of the company."""

    model_config = ConfigDict(extra="forbid")

    phone: Phone
    until: Until = None
    reason: Reason


class ProviderOrganisation(BaseModel):
    """The organisation of a company that is connected as a provider."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    organisation_id: UUID
    uscc: str
    name: str
    division_code: str
    """The division that it served first, or the prefecture's where those were several."""
    provider_ids: list[UUID]
    """Its providers in svc_services, one for each kind of utility."""
    created_at: datetime
