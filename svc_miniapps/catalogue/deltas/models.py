from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, now
from svc_miniapps.base import Base


class PackageDelta(Base):
    """What turns one published version into the next; without a file where it would not save half."""

    __tablename__ = "package_deltas"
    __table_args__ = (
        CheckConstraint("from_package_id <> to_package_id", name="two_versions"),
        CheckConstraint("num_nonnulls(sha256, size_bytes, object_key) IN (0, 3)", name="whole"),
    )

    from_package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"), primary_key=True)
    to_package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"), primary_key=True, index=True)
    sha256: Mapped[str | None] = mapped_column(Text)
    size_bytes: Mapped[int | None]
    object_key: Mapped[str | None] = mapped_column(Text, unique=True)
    made_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
