from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field


class Obstacle(BaseModel):
    """What stands against a closure."""

    kind: str = Field(description="role, open_payment or suspension; expect further values within v1.")
    id: UUID = Field(description="Of the membership, the payment or the suspension.")
    detail: str = Field(description="The role, the payment's status, or suspended.")


class Kept(BaseModel):
    """What the law makes the platform keep after a closure."""

    data: list[str]
    article: str
    retention: str


class Closure(BaseModel):
    """The caller's request to close their account."""

    closure_id: UUID
    status: str = Field(description="requested, cancelled or closed.")
    requested_at: datetime
    closes_at: datetime = Field(description="Until then it can be cancelled.")
    ended_at: datetime | None
    kept: list[Kept]
