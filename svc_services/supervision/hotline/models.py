"""Complaints that the 12345 hotline knows: what it was told last, and when it is told next."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from kit.leases import Leased
from svc_services.base import Base


class HotlineTicket(Leased, Base):
    """A complaint that the hotline handed to us, or we to it. Both numbers stand in the complaint."""

    __tablename__ = "hotline_tickets"
    __table_args__ = (Index(None, "try_at"),)

    complaint_id: Mapped[UUID] = mapped_column(ForeignKey("complaints.id"), primary_key=True)
    share_contact: Mapped[bool]
    """The complainant lets the hotline call them back."""
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of what the hotline sent, with the salt of the complaint; NULL for a ticket that we handed over."""
    told_revision: Mapped[int] = mapped_column(default=0)
    """The entry of the complaint up to which the hotline knows it."""
    failures: Mapped[int] = mapped_column(default=0)
    """Since it was told last."""
    failing_since: Mapped[datetime | None] = mapped_column(Timestamp)
