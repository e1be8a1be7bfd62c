from datetime import datetime

from sqlalchemy import SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from svc_services.base import Base


class KeyWarning(Base):
    """An event has said that a key ends soon; of a key whose end is moved it says so again."""

    __tablename__ = "key_warnings"

    thumbprint: Mapped[str] = mapped_column(Text, primary_key=True)
    valid_until: Mapped[datetime] = mapped_column(Timestamp, primary_key=True)
    days_before: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
