from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from svc_miniapps.base import Base


class PackageSignature(Base):
    """The platform's statement of a package that a reviewer approved."""

    __tablename__ = "package_signatures"

    package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"), primary_key=True)
    kid: Mapped[str] = mapped_column(Text)
    """Of the key that signed it; once another one signs, the worker signs it again."""
    jws: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[datetime] = mapped_column(Timestamp)
