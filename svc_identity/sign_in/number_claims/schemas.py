from datetime import datetime

from pydantic import BaseModel, Field


class NumberClaim(BaseModel):
    """Somebody who has the caller's number says that it is theirs now."""

    claimed_at: datetime
    releases_at: datetime = Field(description="From then on they may begin a new account with the number.")
    refused_at: datetime | None = Field(description="When the caller refused; nobody claims it for thirty days.")
