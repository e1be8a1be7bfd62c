"""The team of an organisation for one division, and who works in it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from svc_miniapps.base import Base


class TeamRole(StrEnum):
    LEAD = "lead"
    """Acts for the team's apps, decides who belongs to the team and which apps it hands over."""
    DEVELOPER = "developer"
    """Acts for the team's apps."""
    TESTER = "tester"
    """Tries what others upload, and changes nothing."""


ACTING = (TeamRole.LEAD, TeamRole.DEVELOPER)


class Team(Base):
    """Owns the apps of its organisation in its division; there is one for each pair."""

    __tablename__ = "teams"
    __table_args__ = (
        UniqueConstraint("organisation_id", "division_code"),
        CheckConstraint(
            "app_quota > 0 AND member_quota > 0 AND upload_quota > 0 AND storage_quota_mb > 0", name="quotas"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID]
    division_code: Mapped[str] = mapped_column(Text, ForeignKey("divisions.code"))
    app_quota: Mapped[int] = mapped_column(server_default=text("50"))
    member_quota: Mapped[int] = mapped_column(server_default=text("100"))
    upload_quota: Mapped[int] = mapped_column(server_default=text("50"))
    """Packages a day."""
    storage_quota_mb: Mapped[int] = mapped_column(server_default=text("2000"))
    founded_by: Mapped[UUID]
    founded_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class TeamMember(Base):
    """A person in a team, in one role from `added_at` to `ended_at`; a new role is a new row."""

    __tablename__ = "team_members"
    __table_args__ = (
        one_of("role", TeamRole),
        CheckConstraint("num_nulls(ended_at, ended_by) IN (0, 2)", name="ended"),
        Index(
            "uq_team_members_current", "team_id", "person_id", unique=True, postgresql_where=text("ended_at IS NULL")
        ),
        Index("ix_team_members_person_id", "person_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id"))
    person_id: Mapped[UUID]
    role: Mapped[TeamRole] = mapped_column(Text)
    added_by: Mapped[UUID]
    added_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    ended_by: Mapped[UUID | None]
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)

    team: Mapped[Team] = relationship(lazy="joined", innerjoin=True)

    def end(self, by: UUID) -> None:
        self.ended_by, self.ended_at = by, now()
