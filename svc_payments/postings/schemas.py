from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from svc_payments.postings.models import PostingStatus


class Posting(BaseModel):
    posting_id: UUID
    payment_id: UUID
    bill_id: UUID
    provider_id: UUID
    receipt_number: str
    amount_fen: int
    status: PostingStatus
    tries: int
    try_at: datetime | None
    """When the provider is told or asked next; none once it is settled."""
    provider_reference: str | None
    refusal: str | None
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
