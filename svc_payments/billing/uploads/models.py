"""Uploads of bill files in several requests: their progress and the bytes received."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, one_of
from chassis.problems import checked_move
from kit.uploads.models import Part, Tables, Upload
from svc_payments.base import Base
from svc_payments.billing.files.reception import LARGEST_FILE


class UploadStatus(StrEnum):
    RECEIVING = "receiving"
    RECEIVED = "received"
    """Complete; its rows are being ingested, or soon will be."""
    TAKEN_IN = "taken_in"
    REFUSED = "refused"
    """As a whole; `refusal` says why."""


TRANSITIONS: dict[UploadStatus, set[UploadStatus]] = {
    UploadStatus.RECEIVING: {UploadStatus.RECEIVED},
    UploadStatus.RECEIVED: {UploadStatus.TAKEN_IN, UploadStatus.REFUSED},
    UploadStatus.TAKEN_IN: set(),
    UploadStatus.REFUSED: set(),
}


class BillFileUpload(Upload, Base):
    """One file being uploaded; its metadata is that of its first request."""

    __tablename__ = "bill_file_uploads"
    __table_args__ = (
        one_of("status", UploadStatus),
        CheckConstraint("received >= 0 AND received <= coalesce(length, received)", name="within_length"),
        CheckConstraint("status = 'receiving' OR length = received", name="whole"),
        CheckConstraint("(status = 'taken_in') = (bill_file_id IS NOT NULL)", name="taken_in_with_report"),
        CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name="refused_with_reason"),
        Index(None, "provider_id", "id"),
        Index("ix_bill_file_uploads_unfinished", "touched_at", postgresql_where=text("finished_at IS NULL")),
        Index("ix_bill_file_uploads_finished", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.provider_id"))
    file_name: Mapped[str] = mapped_column(Text)
    headers: Mapped[dict[str, str]] = mapped_column(JSONB)
    """Content-Type and Content-Encoding."""
    status: Mapped[UploadStatus] = mapped_column(Text, default=UploadStatus.RECEIVING)
    rows_read: Mapped[int] = mapped_column(default=0)
    """Rows read so far."""
    bill_file_id: Mapped[UUID | None] = mapped_column(ForeignKey("bill_files.id"))
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Status, code and values of the problem."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(Timestamp)

    @property
    def is_receiving(self) -> bool:
        return self.status == UploadStatus.RECEIVING

    def close(self) -> None:
        self.move_to(UploadStatus.RECEIVED)

    def move_to(self, status: UploadStatus) -> None:
        self.status = checked_move(TRANSITIONS, UploadStatus(self.status), status)


class UploadPart(Part, Base):
    __tablename__ = "bill_file_upload_parts"
    __table_args__ = (CheckConstraint("length(content) > 0", name="content"),)

    upload_id: Mapped[UUID] = mapped_column(ForeignKey(BillFileUpload.id, ondelete="CASCADE"), primary_key=True)


TABLES = Tables(BillFileUpload, UploadPart, most_bytes=LARGEST_FILE)
