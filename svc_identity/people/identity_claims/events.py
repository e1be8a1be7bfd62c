from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from chassis.outbox import Event
from svc_identity.people.identity_claims.models import ClaimStatus, IdentityClaim, Verdict


class IdentityClaimEvent(Event):
    """A step of a claim on an ID number. The number itself stays out of it, and so do names and reasons."""

    key_field: ClassVar[str] = "claim_id"

    claim_id: UUID
    claimant_id: UUID
    respondent_id: UUID
    """Who has proved the number before."""

    @classmethod
    def fields_of(cls, claim: IdentityClaim) -> dict[str, Any]:
        renamed = {"claim_id": claim.id, "respondent_id": claim.holder_id}
        return renamed | {name: getattr(claim, name) for name in cls.model_fields if name not in renamed}


class IdentityClaimOpened(IdentityClaimEvent):
    """Somebody proved a name and an ID number that the respondent has proved before."""

    event_type: ClassVar[str] = "cn.ili.identity.identity_claim.opened.v1"

    opened_at: datetime
    expires_at: datetime


class IdentityClaimDecided(IdentityClaimEvent):
    """Upheld: the claimant has the number, and the respondent is back at level 1. Rejected: nothing changed.

    By a counter, or upheld at once because the claimant's face or network identity certificate has shown it.
    """

    event_type: ClassVar[str] = "cn.ili.identity.identity_claim.decided.v1"

    verdict: Verdict
    decided_at: datetime


class IdentityClaimClosed(IdentityClaimEvent):
    """Withdrawn or expired without a decision."""

    event_type: ClassVar[str] = "cn.ili.identity.identity_claim.closed.v1"

    status: ClaimStatus
