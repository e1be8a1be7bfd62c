from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from svc_identity.fields import Uscc


class OrganisationClaim(BaseModel):
    model_config = ConfigDict(extra="forbid")

    uscc: Uscc


class RepresentedOrganisation(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    organisation_id: Annotated[UUID, Field(validation_alias="id")]
    uscc: str
    representative_id: UUID
    claimed_at: datetime
