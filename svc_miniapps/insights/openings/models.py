"""What one day's figures are counted from: openings under a keyed hash, whose key goes with the day."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from svc_miniapps.base import Base


class DayKey(Base):
    """The random key of a day's digests; deleted with them once the day is counted."""

    __tablename__ = "day_keys"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary)


class Opening(Base):
    """A person's openings of a version of an app on one day, under a hash; only the key of the day leads back."""

    __tablename__ = "openings"
    __table_args__ = (CheckConstraint("opens >= 0 AND errors >= 0", name="counts"),)

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    version_code: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    division_code: Mapped[str] = mapped_column(Text, ForeignKey("divisions.code"))
    opens: Mapped[int] = mapped_column(default=0, server_default="0")
    errors: Mapped[int] = mapped_column(default=0, server_default="0")
    last_opening_id: Mapped[UUID | None]
    """A phone that got no answer reports the same one again."""
