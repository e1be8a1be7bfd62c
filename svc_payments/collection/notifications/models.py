from datetime import datetime

from sqlalchemy import Index, LargeBinary, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from svc_payments.base import Base
from svc_payments.settings.channels import ChannelName


class Nonce(Base):
    """A nonce of an authentic notice, and what it came with; kept for as long as it could be replayed."""

    __tablename__ = "channel_nonces"
    __table_args__ = (Index(None, "seen_at"),)

    channel: Mapped[ChannelName] = mapped_column(Text, primary_key=True)
    nonce: Mapped[str] = mapped_column(Text, primary_key=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary)
    seen_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
