"""What clerks take in at a counter for persons who confirm it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_services.base import Base
from svc_services.cases.workflows.models import ApplicationKind


class FilingStatus(StrEnum):
    PREPARING = "preparing"
    OFFERED = "offered"
    """A code is shown to the person."""
    OPENED = "opened"
    """Somebody has opened the code; the clerk types the number that their phone shows."""
    ADMITTED = "admitted"
    """The person reads what would be filed."""
    FILED = "filed"
    ENDED = "ended"
    """Withdrawn, declined or forgotten; its content is erased."""


_ON_OFFER = {FilingStatus.PREPARING, FilingStatus.OFFERED, FilingStatus.ENDED}
TRANSITIONS: dict[FilingStatus, set[FilingStatus]] = {
    FilingStatus.PREPARING: _ON_OFFER,
    FilingStatus.OFFERED: _ON_OFFER | {FilingStatus.OPENED},
    FilingStatus.OPENED: _ON_OFFER | {FilingStatus.ADMITTED},
    FilingStatus.ADMITTED: _ON_OFFER | {FilingStatus.FILED},
    FilingStatus.FILED: set(),
    FilingStatus.ENDED: set(),
}
OPEN = frozenset({FilingStatus.OFFERED, FilingStatus.OPENED, FilingStatus.ADMITTED})
OVER = frozenset({FilingStatus.FILED, FilingStatus.ENDED})


class CounterFiling(Base):
    """An application that a clerk prepares. It becomes a case only when its person confirms exactly this content."""

    __tablename__ = "counter_filings"
    __table_args__ = (
        one_of("status", FilingStatus),
        one_of("kind", ApplicationKind),
        CheckConstraint(
            "(status IN ('offered', 'opened', 'admitted')) = (code_hash IS NOT NULL)",
            name="offered",
        ),
        CheckConstraint("(status = 'filed') = (application_id IS NOT NULL)", name="filed"),
        CheckConstraint("status NOT IN ('opened', 'admitted', 'filed') OR person_id <> clerk_id", name="second_person"),
        Index(None, "clerk_id", "id"),
        Index(None, "person_id"),
        Index(
            "ix_counter_filings_unfiled",
            "touched_at",
            postgresql_where=text("status NOT IN ('filed', 'ended')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    clerk_id: Mapped[UUID]
    counter_division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    kind: Mapped[ApplicationKind] = mapped_column(Text)
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    """Of the case, which another county's office may decide."""
    account_number: Mapped[str | None] = mapped_column(Text)
    form: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[FilingStatus] = mapped_column(Text, default=FilingStatus.PREPARING)
    version: Mapped[int] = mapped_column(default=1)
    """Counts the changes of the content; its ETag."""
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    offered_until: Mapped[datetime | None] = mapped_column(Timestamp)
    person_id: Mapped[UUID | None]
    """Who opened the code first."""
    match_number: Mapped[str | None] = mapped_column(Text)
    """What the person's phone shows and the clerk types, so that no scan from afar reads the form."""
    match_tries: Mapped[int] = mapped_column(default=0)
    digest: Mapped[str | None] = mapped_column(Text)
    """SHA-256 of the content that was confirmed."""
    application_id: Mapped[UUID | None] = mapped_column(ForeignKey("applications.id"), unique=True)
    filed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    touched_at: Mapped[datetime] = mapped_column(Timestamp, default=now)

    def move_to(self, status: FilingStatus) -> None:
        """Change the status; what belongs to an offer stays only while there is one."""
        self.status = checked_move(TRANSITIONS, FilingStatus(self.status), status)
        self.touched_at = now()
        if status not in OPEN:
            self.code_hash = self.offered_until = self.match_number = None
        if status in {FilingStatus.PREPARING, FilingStatus.OFFERED, FilingStatus.ENDED}:
            self.person_id, self.match_number, self.match_tries = None, None, 0
        if status in OVER:
            self.form, self.account_number = {}, None


class CounterFilingMaterial(Base):
    """A file that the clerk has uploaded for a filing; it becomes the applicant's when that is filed."""

    __tablename__ = "counter_filing_materials"

    filing_id: Mapped[UUID] = mapped_column(ForeignKey(CounterFiling.id), primary_key=True)
    material_id: Mapped[UUID] = mapped_column(
        ForeignKey("materials.id", ondelete="CASCADE"), primary_key=True, unique=True
    )
