from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from svc_identity.verifications import models
from svc_identity.verifications.models import Method, Reason, VerificationStatus


class NewVerification(BaseModel):
    """By what a person verifies that they are who they have proved to be."""

    method: Method
    consent_version: str | None = Field(
        default=None,
        max_length=40,
        description=(
            "The version of the privacy notice under which the person agrees, by an act of its own, to this method "
            "(PIPL 29). Not needed while such a consent is in force."
        ),
        examples=["2026-12-01"],
    )
    redirect_uri: str | None = Field(
        default=None,
        max_length=2000,
        description="For network_certificate: the app's registered address to which the person comes back.",
        examples=["myili://callback"],
    )
    state: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._~-]{16,200}$",
        description="For network_certificate: a random value of the app, which comes back with the person.",
    )


class Verification(BaseModel):
    """A check of a face or of a network identity certificate."""

    verification_id: UUID
    method: Method
    status: VerificationStatus = Field(description="Expect further values within v1.")
    reason: Reason | None = Field(description="Why it failed; expect further values within v1.")
    claim_id: UUID | None = Field(description="The claim on an ID number that it is about.")
    begun_at: datetime
    expires_at: datetime = Field(description="Until when it can be finished.")
    valid_until: datetime | None = Field(description="Until when level 3 lasts; null where it gave none.")
    ended_at: datetime | None = Field(description="When that level 3 ended.")

    @classmethod
    def of(cls, row: models.Verification) -> "Verification":
        names = ("method", "status", "reason", "claim_id", "begun_at", "expires_at", "valid_until", "ended_at")
        return cls(verification_id=row.id, **{name: getattr(row, name) for name in names})


class BegunVerification(Verification):
    """A verification with what the app needs to go on."""

    sdk_token: str | None = Field(default=None, description="Of a face: good once, for the verifier's SDK in the app.")
    address: str | None = Field(default=None, description="Of a certificate: where the app sends the person.")


class Finish(BaseModel):
    """The end of a verification, seen by the app."""

    code: str | None = Field(
        default=None,
        pattern=r"^[!-~]{1,500}$",
        description="For network_certificate: the `code` with which the person came back.",
    )
