from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field


class SignIn(BaseModel):
    """A sign-in that lasts: one app on one device."""

    sign_in_id: UUID = Field(description="`sid` of its tokens.")
    client_id: str = Field(description="The app.")
    device: str | None = Field(
        description="System and browser in which the person signed in, as far as the browser names them.",
        examples=["Android, Chrome"],
    )
    signed_in_at: datetime
    last_used_at: datetime = Field(description="When the app last got tokens for it.")
    current: bool = Field(description="Whether this request's token is of this sign-in.")
