from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field


class DeviceCodes(BaseModel):
    """What a device shows, and by what it asks for its tokens (RFC 8628, section 3.2)."""

    device_code: str
    user_code: str = Field(description="Eight letters, to show.", examples=["WDJB-MJHT"])
    verification_uri: str = Field(description="Where people type the code.")
    verification_uri_complete: str = Field(description="The same with the code in it, for a QR code.")
    expires_in: int = Field(description="Seconds.", examples=[600])
    interval: int = Field(description="Seconds between two requests for tokens.", examples=[5])


class Decision(StrEnum):
    APPROVED = "approved"
    REFUSED = "refused"


class DeviceRequest(BaseModel):
    """A device that waits to be signed in."""

    client_id: str = Field(description="The app on the device.")
    scopes: list[str] = Field(description="What it could do.")
    network: str = Field(description="The network from which it asks.", examples=["203.0.0.0/16"])
    requested_at: datetime
    expires_at: datetime
    decision: Decision | None = None
