from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_payments.collection.postings import models


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
    """When it is sent or queried next; null once it is settled."""
    provider_reference: str | None
    refusal: str | None
    """Why the provider has not booked it, in its own words."""
    created_at: datetime
    settled_at: datetime | None


_TRIED = {*models.UNSETTLED, models.PostingStatus.CANCELLING}


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


def shown(posting: models.Posting) -> Posting:
    return Posting(
        posting_id=posting.id,
        payment_id=posting.payment_id,
        bill_id=posting.bill_id,
        provider_id=posting.provider_id,
        receipt_number=posting.receipt_number,
        amount_fen=posting.amount_fen,
        status=posting.status,
        tries=posting.tries,
        try_at=posting.try_at if posting.status in _TRIED else None,
        provider_reference=posting.provider_reference,
        refusal=posting.refusal,
        created_at=posting.created_at,
        settled_at=posting.settled_at,
    )
