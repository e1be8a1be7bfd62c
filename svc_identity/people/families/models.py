"""Family accounts: a relative helps a person, in some matters, within limits, until a day."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_identity.base import Base
from svc_identity.people.notices import Notice
from svc_identity.vault.blind_indexes import BlindIndex


class FamilyScope(StrEnum):
    """What a helper may do; in tokens the scope of the same name."""

    BILLS = "bills"
    """See bills."""
    PAY = "pay"
    """Pay bills, within the limits, and see these payments."""


class FamilyKind(StrEnum):
    RELATIVE = "relative"
    """Invited by the person helped."""
    GUARDIAN = "guardian"
    """Of a child under eighteen."""


class FamilyStatus(StrEnum):
    PROPOSED = "proposed"
    ACTIVE = "active"
    DECLINED = "declined"
    """By the helper."""
    WITHDRAWN = "withdrawn"
    """By either; `ended_by` says who. Also where one of them closes the account or no longer has a proved identity."""
    EXPIRED = "expired"


LIVE = (FamilyStatus.PROPOSED, FamilyStatus.ACTIVE)
TRANSITIONS: dict[FamilyStatus, set[FamilyStatus]] = {
    FamilyStatus.PROPOSED: {
        FamilyStatus.ACTIVE,
        FamilyStatus.DECLINED,
        FamilyStatus.WITHDRAWN,
        FamilyStatus.EXPIRED,
    },
    FamilyStatus.ACTIVE: {FamilyStatus.WITHDRAWN, FamilyStatus.EXPIRED},
    FamilyStatus.DECLINED: set(),
    FamilyStatus.WITHDRAWN: set(),
    FamilyStatus.EXPIRED: set(),
}
_LIVE = text("status IN ('proposed', 'active')")


class FamilyAccount(Base):
    """Addressed by phone and name: proposing one reveals no account, and a later owner of the number cannot accept."""

    __tablename__ = "family_accounts"
    __table_args__ = (
        one_of("kind", FamilyKind),
        one_of("status", FamilyStatus),
        CheckConstraint("helper_id <> helped_id", name="two_persons"),
        CheckConstraint("(helper_id IS NULL) = (accepted_at IS NULL)", name="accepted"),
        CheckConstraint("status <> 'active' OR helper_id IS NOT NULL", name="helper_known"),
        CheckConstraint("(status IN ('proposed', 'active')) = (ended_at IS NULL)", name="ended"),
        CheckConstraint(
            "CASE WHEN 'pay' = ANY(scopes) THEN day_limit_fen > 0 AND month_limit_fen >= day_limit_fen "
            "ELSE num_nonnulls(day_limit_fen, month_limit_fen) = 0 END",
            name="limits",
        ),
        Index("uq_family_accounts_live", "helped_id", "phone_index", unique=True, postgresql_where=_LIVE),
        Index("ix_family_accounts_helped_id_id", "helped_id", "id"),
        Index("ix_family_accounts_helper_id", "helper_id"),
        Index("ix_family_accounts_phone_index", "phone_index"),
        Index("ix_family_accounts_name_index", "name_index"),
        Index("ix_family_accounts_valid_until", "valid_until", postgresql_where=_LIVE),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[FamilyKind] = mapped_column(Text, default=FamilyKind.RELATIVE)
    helped_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    helped_name: Mapped[str] = mapped_column(Text)
    """Masked, so that the helper knows who asks."""
    phone_index: Mapped[bytes] = mapped_column(BlindIndex("persons.phone"))
    phone_masked: Mapped[str] = mapped_column(Text)
    name_index: Mapped[bytes] = mapped_column(BlindIndex("family_accounts.name"))
    helper_name: Mapped[str] = mapped_column(Text)
    """Masked."""
    helper_id: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    """Who accepted it."""
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    day_limit_fen: Mapped[int | None] = mapped_column(BigInteger)
    month_limit_fen: Mapped[int | None] = mapped_column(BigInteger)
    valid_until: Mapped[datetime] = mapped_column(Timestamp)
    status: Mapped[FamilyStatus] = mapped_column(Text, default=FamilyStatus.PROPOSED)
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    """The person helped, or a guardian."""
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    accepted_at: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("persons.id"))
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    reminders: Mapped[int] = mapped_column(SmallInteger, default=0)
    """How many have been sent before its end."""

    def accept(self, helper_id: UUID) -> None:
        self.status = checked_move(TRANSITIONS, FamilyStatus(self.status), FamilyStatus.ACTIVE)
        self.helper_id, self.accepted_at = helper_id, now()

    def end(self, status: FamilyStatus, by: UUID | None) -> None:
        self.status = checked_move(TRANSITIONS, FamilyStatus(self.status), status)
        self.ended_by, self.ended_at = by, now()


class FamilyNews(StrEnum):
    """What a notice tells; the template of its SMS."""

    PROPOSED = "family_proposed"
    ACTIVE = "family_active"
    DECLINED = "family_declined"
    ENDED = "family_ended"
    ENDING = "family_ending"


class FamilyNotice(Notice, Base):
    """One side of a family account is to be told by SMS; kept until the message has left."""

    __tablename__ = "family_notices"
    __table_args__ = (one_of("what", FamilyNews), Index("ix_family_notices_try_at", "try_at"))
