from datetime import date
from uuid import UUID

from sqlalchemy import Date, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import new_id
from svc_miniapps.base import Base


class AppError(Base):
    """How often an error was reported on a page of a version on a day."""

    __tablename__ = "app_errors"
    __table_args__ = (
        UniqueConstraint("app_id", "day", "version_code", "page", "code"),
        Index("ix_app_errors_app_id", "app_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    day: Mapped[date] = mapped_column(Date, index=True)
    version_code: Mapped[int]
    page: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    reports: Mapped[int] = mapped_column(default=0, server_default="0")
