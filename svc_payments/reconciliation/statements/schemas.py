from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from svc_payments.reconciliation.statements import models


class Statement(BaseModel):
    """A day's statement as ingested."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    statement_id: UUID
    source: str
    """channel or provider."""
    holder: str
    """The channel's name or the provider's id."""
    day: date
    version: int
    """Increases with each file of the same day; the newest one applies."""
    sha256: str
    lines: int
    """0 for a day of which the channel says that it has no bill."""
    in_fen: int
    """Paid, or booked."""
    out_fen: int
    """Refunded."""
    fee_fen: int
    """What the channel keeps."""
    created_at: datetime
    settled_at: datetime | None
    """When the channel's money of this day was confirmed on the bank account."""


def shown(statement: models.Statement) -> Statement:
    return Statement(
        statement_id=statement.id,
        source=statement.source,
        holder=statement.holder,
        day=statement.day,
        version=statement.version,
        sha256=statement.sha256,
        lines=statement.lines,
        in_fen=statement.in_fen,
        out_fen=statement.out_fen,
        fee_fen=statement.fee_fen,
        created_at=statement.created_at,
        settled_at=statement.settled_at,
    )
