"""Uploaded bill files: their reports and the rows that were refused."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, one_of
from svc_payments.base import Base
from svc_payments.billing.bills.reasons import Reason


class Encoding(StrEnum):
    UTF_8 = "utf-8"
    UTF_8_SIG = "utf-8-sig"
    """UTF-8 with a byte order mark, as spreadsheet programs write it."""
    GB18030 = "gb18030"
    XLSX = "xlsx"
    """A spreadsheet; its characters are its own affair."""


class BillFile(Base):
    """One ingested file; `rows` is the sum of the four counts."""

    __tablename__ = "bill_files"
    __table_args__ = (Index(None, "provider_id", "id"), one_of("encoding", Encoding))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.provider_id"))
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    """Of the file itself, after a Content-Encoding was undone."""
    encoding: Mapped[Encoding] = mapped_column(Text)
    rows: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    amended: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    hidden_rows: Mapped[int] = mapped_column(default=0, server_default="0")
    """Of `rows`, those that the workbook hides, or a value of which it hides."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())


class RefusedRow(Base):
    """A refused row, by the line it begins on."""

    __tablename__ = "refused_rows"
    __table_args__ = (one_of("reason", Reason),)

    bill_file_id: Mapped[UUID] = mapped_column(ForeignKey("bill_files.id"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bill_number: Mapped[str] = mapped_column(Text)
    """As the file has it, cut to 40 characters."""
    reason: Mapped[Reason] = mapped_column(Text)
    other_number: Mapped[str | None] = mapped_column(Text)
    """The number under which the bill is known already, if it is refused for that."""
