"""Materials: files that residents hand in with applications, and which applications use them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, now, one_of
from chassis.problems import checked_move
from kit.files.documents import DocumentType
from kit.uploads.models import Part, Tables, Upload
from svc_services.base import Base
from svc_services.cases.applications.models import Application

LARGEST_FILE = 10 * 1024 * 1024


class MaterialStatus(StrEnum):
    RECEIVING = "receiving"
    RECEIVED = "received"
    """Complete; being checked and stored, or soon will be."""
    KEPT = "kept"
    REFUSED = "refused"
    """`refusal` says why; its bytes are gone."""


TRANSITIONS: dict[MaterialStatus, set[MaterialStatus]] = {
    MaterialStatus.RECEIVING: {MaterialStatus.RECEIVED},
    MaterialStatus.RECEIVED: {MaterialStatus.KEPT, MaterialStatus.REFUSED},
    # What a scanner finds later.
    MaterialStatus.KEPT: {MaterialStatus.REFUSED},
    MaterialStatus.REFUSED: set(),
}


class Material(Upload, Base):
    """A file of a person. `sha256` is what they announced, and from its storing on that of the stored bytes."""

    __tablename__ = "materials"
    __table_args__ = (
        one_of("status", MaterialStatus),
        one_of("media_type", DocumentType),
        CheckConstraint("received >= 0 AND received <= length", name="within_length"),
        CheckConstraint("status = 'receiving' OR length = received", name="whole"),
        CheckConstraint("(status = 'refused') = (refusal IS NOT NULL)", name="refused_with_reason"),
        CheckConstraint("status <> 'kept' OR (media_type IS NOT NULL AND sha256 IS NOT NULL)", name="kept"),
        CheckConstraint("scanned_at IS NULL OR status IN ('kept', 'refused')", name="scanned"),
        Index(None, "person_id", "id"),
        Index("ix_materials_unfinished", "touched_at", postgresql_where=text("status IN ('receiving', 'received')")),
        Index(
            "ix_materials_unscanned",
            "scan_at",
            postgresql_where=text("status = 'kept' AND scanned_at IS NULL"),
        ),
        Index("ix_materials_touched_at", "touched_at"),
    )

    person_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    """What it is for, in the words of workflows, such as id_card or house_title."""
    status: Mapped[MaterialStatus] = mapped_column(Text, default=MaterialStatus.RECEIVING)
    media_type: Mapped[DocumentType | None] = mapped_column(Text)
    """Told by its bytes."""
    refusal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """Status, code and values of the problem."""
    scanned_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When a scanner found nothing, or found something; NULL: not scanned."""
    scan_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    """When a scanner is asked next."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)

    @property
    def is_receiving(self) -> bool:
        return self.status == MaterialStatus.RECEIVING

    @property
    def object_key(self) -> str:
        return f"materials/{self.id}"

    def close(self) -> None:
        self.move_to(MaterialStatus.RECEIVED)

    def move_to(self, status: MaterialStatus) -> None:
        self.status = checked_move(TRANSITIONS, MaterialStatus(self.status), status)


class MaterialPart(Part, Base):
    __tablename__ = "material_parts"
    __table_args__ = (CheckConstraint("length(content) > 0", name="content"),)

    upload_id: Mapped[UUID] = mapped_column(ForeignKey(Material.id, ondelete="CASCADE"), primary_key=True)


class ApplicationMaterial(Base):
    """An application uses a material; several may use the same one."""

    __tablename__ = "application_materials"
    __table_args__ = (Index(None, "material_id"),)

    application_id: Mapped[UUID] = mapped_column(ForeignKey(Application.id, ondelete="CASCADE"), primary_key=True)
    material_id: Mapped[UUID] = mapped_column(ForeignKey(Material.id), primary_key=True)
    attached_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class MaterialUser(StrEnum):
    """What uses a material beside applications; each is a row of a room of its own."""

    COMPLAINT = "complaint"
    READING = "reading"


class MaterialUse(Base):
    """A complaint or a meter reading uses a material, which stays as long."""

    __tablename__ = "material_uses"
    __table_args__ = (one_of("used_by", MaterialUser), Index(None, "material_id"))

    used_by: Mapped[MaterialUser] = mapped_column(Text, primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    """Of the complaint or the reading."""
    material_id: Mapped[UUID] = mapped_column(ForeignKey(Material.id), primary_key=True)
    attached_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class RemovedObject(Base):
    """An object of the store that nothing names any more; the worker deletes it."""

    __tablename__ = "removed_objects"

    object_key: Mapped[str] = mapped_column(Text, primary_key=True)
    removed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


TABLES = Tables(Material, MaterialPart, most_bytes=LARGEST_FILE)
