"""A password that a person has chosen, asked after the texted code where they have no second factor."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now
from svc_identity.base import Base


class Password(Base):
    """A removed one keeps its row and loses its hash."""

    __tablename__ = "passwords"
    __table_args__ = (
        CheckConstraint("(hash IS NULL) = (removed_at IS NOT NULL)", name="hash"),
        Index("uq_passwords_person_id", "person_id", unique=True, postgresql_where=text("removed_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    hash: Mapped[str | None] = mapped_column(Text)
    """Argon2id of a keyed hash of it, with salt and parameters."""
    set_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    removal_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When it is no longer asked, because its owner said that they forgot it and has not signed in with it since."""
    removed_at: Mapped[datetime | None] = mapped_column(Timestamp)

    def remove(self) -> None:
        self.hash, self.removed_at = None, now()


class PasswordTries(Base):
    """Wrong passwords of a person within a window, in all unknown browsers together and in each known one apart."""

    __tablename__ = "password_tries"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"), primary_key=True)
    device: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """A known browser; empty for the others."""
    wrong: Mapped[int] = mapped_column(SmallInteger, default=0)
    since: Mapped[datetime] = mapped_column(Timestamp, default=now)
