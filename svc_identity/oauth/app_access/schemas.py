from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field


class AppAccess(BaseModel):
    """What the caller has allowed to an app."""

    access_id: UUID
    client_id: str
    scopes: list[str]
    granted_at: datetime
    withdrawn_at: datetime | None


class AppAccessWithdrawal(BaseModel):
    access: AppAccess
    ended_sign_ins: int = Field(description="How many sign-ins of the app have ended.")
    within_seconds: int = Field(description="So long an access token that was issued before may still be taken.")
