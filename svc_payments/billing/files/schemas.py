from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, WithJsonSchema

from svc_payments.billing.bills.reasons import AS_IN_1_0, Reason
from svc_payments.billing.files.models import Encoding
from svc_payments.billing.files.reception import MEDIA_TYPE
from svc_payments.billing.files.workbooks.reader import MEDIA_TYPE as WORKBOOK

FILE_CONTENT = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in (MEDIA_TYPE, WORKBOOK)}
"""Either kind of file, for OpenAPI."""

_ReasonIn10 = Annotated[
    Reason, WithJsonSchema({"type": "string", "enum": [reason for reason in Reason if reason not in AS_IN_1_0]})
]
_EncodingIn10 = Annotated[
    Encoding,
    WithJsonSchema({"type": "string", "enum": [encoding for encoding in Encoding if encoding != Encoding.XLSX]}),
]


class RefusedRow(BaseModel):
    row: int = Field(description="The line on which the row begins; the first line of the file is line 1.")
    bill_number: str = Field(description="As the file has it, cut to 40 characters.")
    reason: _ReasonIn10 = Field(
        description="One of the closed list of 1.0.0: `code` itself, or where that is newer the nearest of the list."
    )
    code: str = Field(
        description="The exact reason, as the guide lists them: go by this one. Expect further values within v1."
    )
    message: str = Field(description="The reason and what to do, in the reader's language.")


class BillFile(BaseModel):
    """The outcome of an uploaded bill file."""

    bill_file_id: UUID
    file_name: str
    sha256: str = Field(description="Of the file, after a Content-Encoding was undone; hexadecimal.")
    encoding: _EncodingIn10 = Field(description="Of its text; a spreadsheet's is `utf-8`.")
    format: str = Field(description="`csv` or `xlsx`; expect further values within v1.")
    rows: int = Field(description="Rows other than titles, the header and blank lines; the sum of the next four.")
    accepted: int
    unchanged: int
    amended: int
    refused: int
    hidden_rows: int = Field(
        description="Of `rows`, those that the workbook hides, or of which it hides a value in a hidden column. They "
        "count like the others."
    )
    refused_rows: list[RefusedRow] = Field(description="The first 100.")
    refused_rows_url: str
    created_at: datetime
