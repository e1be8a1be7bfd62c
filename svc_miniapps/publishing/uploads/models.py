"""Uploads of packages in several requests: their progress and the bytes received."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, now, one_of
from chassis.problems import checked_move
from kit.uploads.models import Part, Tables, Upload
from svc_miniapps.base import Base
from svc_miniapps.packages.checks.archive import MAX_PACKAGE_BYTES


class UploadStatus(StrEnum):
    RECEIVING = "receiving"
    RECEIVED = "received"
    """Complete; being checked, or soon will be."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    """`refusal` says why; its bytes are gone."""


TRANSITIONS: dict[UploadStatus, set[UploadStatus]] = {
    UploadStatus.RECEIVING: {UploadStatus.RECEIVED},
    UploadStatus.RECEIVED: {UploadStatus.ACCEPTED, UploadStatus.REFUSED},
    UploadStatus.ACCEPTED: set(),
    UploadStatus.REFUSED: set(),
}


class PackageUpload(Upload, Base):
    """A package on its way, as one version of an app."""

    __tablename__ = "package_uploads"
    __table_args__ = (
        one_of("status", UploadStatus),
        CheckConstraint("received >= 0 AND received <= length", name="within_length"),
        CheckConstraint("status = 'receiving' OR length = received", name="whole"),
        CheckConstraint("(status = 'accepted') = (package_id IS NOT NULL)", name="accepted_with_package"),
        CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name="refused_with_reason"),
        Index(None, "app_id", "id"),
        Index("ix_package_uploads_touched_at", "touched_at"),
        Index("ix_package_uploads_open", "app_id", postgresql_where=text("status IN ('receiving', 'received')")),
    )

    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    version_code: Mapped[int]
    targets: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    status: Mapped[UploadStatus] = mapped_column(Text, default=UploadStatus.RECEIVING)
    package_id: Mapped[UUID | None] = mapped_column(ForeignKey("packages.id"))
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The findings, or the problem with its status, code and values."""
    begun_by: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)

    @property
    def is_receiving(self) -> bool:
        return self.status == UploadStatus.RECEIVING

    def close(self) -> None:
        self.move_to(UploadStatus.RECEIVED)

    def move_to(self, status: UploadStatus) -> None:
        self.status = checked_move(TRANSITIONS, UploadStatus(self.status), status)


class PackageUploadPart(Part, Base):
    __tablename__ = "package_upload_parts"
    __table_args__ = (CheckConstraint("length(content) > 0", name="content"),)

    upload_id: Mapped[UUID] = mapped_column(ForeignKey(PackageUpload.id, ondelete="CASCADE"), primary_key=True)


TABLES = Tables(PackageUpload, PackageUploadPart, most_bytes=MAX_PACKAGE_BYTES)
