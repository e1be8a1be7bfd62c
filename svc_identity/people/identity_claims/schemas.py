from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from svc_identity.people.identity_claims.models import ClaimStatus, Verdict
from svc_identity.people.identity_claims.models import IdentityClaim as Claim


class IdentityClaim(BaseModel):
    """One's own claim on an ID number that another account was verified with."""

    claim_id: UUID
    number: str = Field(description="To be named at a service counter.", examples=["40718265"])
    status: ClaimStatus = Field(description="Expect further values within v1.")
    verdict: Verdict | None = Field(description="Null until it is decided or verified.")
    opened_at: datetime
    expires_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, claim: Claim) -> "IdentityClaim":
        names = ("number", "status", "opened_at", "expires_at", "decided_at")
        verdict = claim.verdict if claim.status == ClaimStatus.DECIDED else None
        if claim.status == ClaimStatus.VERIFIED:
            verdict = Verdict.UPHELD
        return cls(claim_id=claim.id, verdict=verdict, **{name: getattr(claim, name) for name in names})
