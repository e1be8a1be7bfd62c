"""What a person is told by SMS, whatever it is about."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from kit.leases import Leased


class Notice(Leased):
    """The columns of a message to a person; kept until it has left."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    what: Mapped[str] = mapped_column(Text)
    """The template of its SMS."""
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
