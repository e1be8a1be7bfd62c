from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_miniapps.base import Base


class Package(Base):
    """One version of an app, byte for byte. What was reviewed is what runs: no row is ever changed."""

    __tablename__ = "packages"
    __table_args__ = (UniqueConstraint("app_id", "version_code"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    version_code: Mapped[int]
    version_name: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    """Of the whole file, in lower-case hexadecimal."""
    size_bytes: Mapped[int]
    object_key: Mapped[str] = mapped_column(Text, ForeignKey("package_objects.key"), index=True)
    """Where the object store has it; the same bytes are there once."""
    uploaded_by: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class PackageObject(Base):
    """An object of the store; the row is there before the object, and goes after it."""

    __tablename__ = "package_objects"

    key: Mapped[str] = mapped_column(Text, primary_key=True)
    touched_at: Mapped[datetime] = mapped_column(Timestamp, index=True)
    """When an upload last claimed it, by the clock of the database."""


class Icon(Base):
    """A picture by its digest; the same one of several packages is kept once."""

    __tablename__ = "icons"

    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    media_type: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes]


class PackageFace(Base):
    """What stands in the catalogue of a package. Written with it, and never changed."""

    __tablename__ = "package_faces"

    package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"), primary_key=True)
    min_platform_code: Mapped[int]
    icon_sha256: Mapped[str | None] = mapped_column(Text, ForeignKey("icons.sha256"))
    targets: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    """Further platforms for which it was checked."""
