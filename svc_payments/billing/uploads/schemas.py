from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from svc_payments.billing.files import schemas as bill_files


class BillFileUpload(BaseModel):
    """A bill file that comes in several requests: how much of it is here, and what became of it."""

    upload_id: UUID
    file_name: str
    status: str = Field(
        description="`receiving`, `received` (all of it is here and being taken in), `taken_in` or `refused`; expect "
        "further values within v1."
    )
    received_bytes: int
    length: int | None = Field(description="Of all of it in bytes, once the client has said it.")
    sha256: str | None = Field(description="What its bytes should come to, if the client has said it; hexadecimal.")
    rows_read: int = Field(description="Rows read so far; updated from time to time.")
    bill_file_id: UUID | None
    report: bill_files.BillFile | None = Field(description="Of a file that was taken in; not in lists.")
    problem: dict[str, Any] | None = Field(description="Why a file was refused as a whole (RFC 9457).")
    created_at: datetime
    expires_at: datetime = Field(description="Until then the upload can be continued or read.")
