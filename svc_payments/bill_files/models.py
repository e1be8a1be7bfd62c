"""Uploaded bill files: their reports and the rows that were refused."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id
from svc_payments.base import Base


class BillFile(Base):
    """One upload that was taken in; `rows` is the sum of the four counts."""

    __tablename__ = "bill_files"
    __table_args__ = (Index(None, "provider_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.provider_id"))
    file_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    """Of the file itself, after a Content-Encoding was undone."""
    encoding: Mapped[str] = mapped_column(Text)
    rows: Mapped[int] = mapped_column(default=0)
    accepted: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    amended: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())


class RefusedRow(Base):
    """A row that was not taken in, under the number of the line it begins on (the header is line 1)."""

    __tablename__ = "refused_rows"

    bill_file_id: Mapped[UUID] = mapped_column(ForeignKey("bill_files.id"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bill_number: Mapped[str] = mapped_column(Text)
    """As the file has it, cut to 40 characters."""
    reason: Mapped[str] = mapped_column(Text)
