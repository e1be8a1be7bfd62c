from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import new_id
from svc_miniapps.base import Base


class AppFigure(Base):
    """What was counted of one version of an app on one day that is over."""

    __tablename__ = "app_figures"
    __table_args__ = (
        UniqueConstraint("app_id", "day", "version_code"),
        Index("ix_app_figures_app_id", "app_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    day: Mapped[date] = mapped_column(Date)
    version_code: Mapped[int]
    opens: Mapped[int] = mapped_column(default=0, server_default="0")
    errors: Mapped[int] = mapped_column(default=0, server_default="0")
    people: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Groups of ten and more by `division_code`; the smaller ones together, without a code."""
