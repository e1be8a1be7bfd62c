from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.text import Line
from svc_identity.people.identity_claims.models import ClaimStatus, Verdict

Reason = Annotated[Line, Field(min_length=2, max_length=500, description="Kept with the claim; names no person.")]


class ClaimReview(BaseModel):
    """What a clerk found when the claimant showed the document."""

    organisation_id: UUID = Field(description="Of the counter at which the clerk works.")
    verdict: Verdict
    reason: Reason


class ClaimReturn(BaseModel):
    """Why a supervisor does not confirm the verdict."""

    reason: Reason


class IdentityClaimAtCounter(BaseModel):
    """A claim as staff sees it. All personal data is masked, and gone when the claim is closed."""

    claim_id: UUID
    guardianship: bool = Field(
        description="Whether the claimant says that they are the guardian of the child with the number, not its owner."
    )
    number: str
    status: ClaimStatus
    name: str | None = Field(examples=["张*"])
    id_number: str | None = Field(examples=["110***********002X"])
    phone: str | None = Field(description="Of the claimant.", examples=["138****0001"])
    holder_phone: str | None = Field(description="Of the account that has the number now.", examples=["139****0002"])
    holder_proofed_at: datetime | None
    opened_at: datetime
    expires_at: datetime
    verdict: Verdict | None = Field(description="Holds from `decided` on.")
    reason: str | None
    organisation_id: UUID | None
    reviewed_by: UUID | None
    reviewed_at: datetime | None
    return_reason: str | None
    returned_by: UUID | None
    decided_by: UUID | None
    decided_at: datetime | None
