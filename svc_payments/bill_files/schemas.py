from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from svc_payments.bill_files.models import Encoding
from svc_payments.bill_files.refusals import Reason


class RefusedRow(BaseModel):
    row: int = Field(description="The number of the line the row begins on; the header is line 1.")
    bill_number: str = Field(description="As the file has it, cut to 40 characters.")
    reason: Reason
    message: str = Field(description="The reason in the reader's language.")


class BillFile(BaseModel):
    """What became of an uploaded bill file."""

    bill_file_id: UUID
    file_name: str
    sha256: str = Field(description="Of the file, after a Content-Encoding was undone; hexadecimal.")
    encoding: Encoding
    rows: int = Field(description="Rows other than the header and blank lines; the sum of the next four.")
    accepted: int
    unchanged: int
    amended: int
    refused: int
    refused_rows: list[RefusedRow] = Field(description="The first 100.")
    refused_rows_url: str
    created_at: datetime
