from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Posting(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    posting_id: UUID
    payment_id: UUID
    bill_id: UUID
    provider_id: UUID
    receipt_number: str
    amount_fen: int
    status: str
    """pending, sending, unknown, booked or refused; expect further values within v1."""
    tries: int
    try_at: datetime | None
    """When the provider is told or asked next; none once it is settled."""
    provider_reference: str | None
    refusal: str | None
    """Why the provider has not booked it, in its own words."""
    created_at: datetime
    settled_at: datetime | None


class SigningKey(BaseModel):
    kty: str
    n: str
    e: str
    kid: str
    use: str
    alg: str


class SigningKeys(BaseModel):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[SigningKey]
