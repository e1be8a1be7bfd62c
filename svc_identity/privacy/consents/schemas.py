from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from svc_identity.people.consents.activities import Activity, Ground


class ProcessingActivity(BaseModel):
    """What personal information is processed for (PIPL 17)."""

    activity: Activity
    ground: Ground
    article: str = Field(description="Where the law states it.")
    data: list[str]
    recipients: list[str]
    retention: str
    since: date


class ProcessingActivities(BaseModel):
    items: list[ProcessingActivity]


class Consent(BaseModel):
    """A consent of the caller."""

    consent_id: UUID
    activity: Activity
    version: str = Field(examples=["2026-12-01"])
    way: str = Field(description="sign_in_page or app; expect further values within v1.")
    client_id: str | None = Field(description="The app in which it was given.")
    language: str
    given_at: datetime
    withdrawn_at: datetime | None


class Withdrawal(BaseModel):
    """What a withdrawal has ended."""

    consent: Consent
    stops: list[str] = Field(description="What is no longer possible; expect further values within v1.")
    within_seconds: int = Field(description="So long a token that was issued before may still be taken.")
