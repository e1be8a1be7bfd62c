from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from svc_payments.billing.files import schemas as bill_files


class BillFileUpload(BaseModel):
    """A bill file that comes in several requests: its progress and its outcome."""

    upload_id: UUID
    file_name: str
    status: str = Field(
        description="`receiving`, `received` (complete and being ingested), `taken_in` or `refused`; expect "
        "further values within v1."
    )
    received_bytes: int
    length: int | None = Field(description="The total length in bytes, once the client has announced it.")
    sha256: str | None = Field(description="The digest that the client announced, if any; hexadecimal.")
    rows_read: int = Field(description="Rows read so far; updated from time to time.")
    bill_file_id: UUID | None
    report: bill_files.BillFile | None = Field(description="Present for an ingested file; not in lists.")
    problem: dict[str, Any] | None = Field(description="Why the whole file was refused (RFC 9457).")
    created_at: datetime
    expires_at: datetime = Field(description="Until then the upload can be continued or read.")
