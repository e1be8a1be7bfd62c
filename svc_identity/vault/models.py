from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, now
from svc_identity.base import Base


class BlindIndexKey(Base):
    """A key under which blind indexes may be stored, by its id: no process starts without one that rows need."""

    __tablename__ = "blind_index_keys"

    key_id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    since: Mapped[datetime] = mapped_column(Timestamp, default=now)
