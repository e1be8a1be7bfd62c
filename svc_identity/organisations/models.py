from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from svc_identity.base import Base


class Division(Base):
    """A division of Ili, from the starter data (GB/T 2260)."""

    __tablename__ = "divisions"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    parent: Mapped[str] = mapped_column(Text)


class Kind(StrEnum):
    PLATFORM = "platform"
    COUNTY_TEAM = "county_team"
    REVIEW_BODY = "review_body"


class CompanyKind(StrEnum):
    """Of companies that are connected as providers; apart, as v1 promises one of those above."""

    PROVIDER = "provider"


class Role(StrEnum):
    OPERATOR = "operator"
    AUDITOR = "auditor"
    REVIEWER = "reviewer"
    COUNTY_TEAM = "county_team"


class CounterRole(StrEnum):
    """Roles at the one-stop counters of counties; apart, as v1 promises that members have one of those above."""

    CLERK = "clerk"
    TILL_SUPERVISOR = "till_supervisor"


class SecurityRole(StrEnum):
    """Roles that guard access; apart for the same reason."""

    SECURITY_OFFICER = "security_officer"


class CompanyRole(StrEnum):
    """Roles in a company that is connected as a provider; apart for the same reason."""

    PROVIDER_ADMIN = "provider_admin"
    PROVIDER_OPERATOR = "provider_operator"


COMPANY_ROLES: frozenset[str] = frozenset(CompanyRole)

AnyRole = Role | CounterRole | SecurityRole | CompanyRole
EVERY_ROLE: tuple[AnyRole, ...] = (*Role, *CounterRole, *SecurityRole, *CompanyRole)

ROLES: dict[str, frozenset[AnyRole]] = {
    Kind.PLATFORM: frozenset({Role.OPERATOR, Role.AUDITOR, *SecurityRole}),
    Kind.COUNTY_TEAM: frozenset({Role.COUNTY_TEAM, *CounterRole}),
    Kind.REVIEW_BODY: frozenset({Role.REVIEWER, Role.AUDITOR}),
    CompanyKind.PROVIDER: frozenset(CompanyRole),
}
"""Which roles an organisation may give to its members."""

TWO_PERSON_ROLES: frozenset[AnyRole] = frozenset(
    {Role.OPERATOR, Role.AUDITOR, Role.REVIEWER, CounterRole.TILL_SUPERVISOR, *SecurityRole, *CompanyRole}
)
"""Roles that approve or inspect what others do, or act for a company: two persons grant and remove them, and only
people whose identity is proofed hold them."""


class Organisation(Base):
    """An organisation whose members work on the platform, or for a company that is connected as a provider."""

    __tablename__ = "organisations"
    __table_args__ = (
        one_of("kind", (*Kind, *CompanyKind)),
        CheckConstraint("uscc IS NOT NULL OR kind = 'platform'", name="uscc_known"),
        # The platform's own organisation is made before anyone can state its USCC, and there is one of it.
        Index("uq_organisations_platform", "kind", unique=True, postgresql_where=text("uscc IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    uscc: Mapped[str | None] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


class Membership(Base):
    """A person's role in an organisation, until it ends."""

    __tablename__ = "memberships"
    __table_args__ = (
        one_of("role", EVERY_ROLE),
        Index(
            "uq_memberships_current",
            "person_id",
            "organisation_id",
            "role",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_memberships_organisation_id_id", "organisation_id", "id"),
        Index("ix_memberships_expires_at", "expires_at", postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    role: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    """When it ends by itself unless it is renewed; the last operators stay beyond it."""
    reminders: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    """How many events have said that it is about to expire."""
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
