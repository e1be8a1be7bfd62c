"""Versions of providers' payment terms and their approvals; both only ever added to (migration 0005)."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp
from kit.approvals import second_person_check
from svc_payments.base import Base
from svc_payments.billing.terms.terms import Terms
from svc_payments.parties.providers.models import Provider


class TermsVersion(Base):
    """What an operator wrote down; it holds once a second one has approved it."""

    __tablename__ = "payment_terms"
    __table_args__ = (
        # An approval refers to this, so that the proposer cannot be the approver.
        UniqueConstraint("provider_id", "version", "proposed_by"),
        CheckConstraint("version > 0", name="version_positive"),
    )

    provider_id: Mapped[UUID] = mapped_column(ForeignKey(Provider.provider_id), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    wanted_from: Mapped[date]
    """The first day on which it applies."""
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str] = mapped_column(Text)
    proposed_by: Mapped[UUID]
    proposed_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())

    approval: Mapped["TermsApproval | None"] = relationship(lazy="selectin", viewonly=True)

    @property
    def terms(self) -> Terms:
        return Terms.model_validate(self.document)


class TermsApproval(Base):
    """Puts a version into force; a CHECK requires that its approver did not propose it."""

    __tablename__ = "payment_terms_approvals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["provider_id", "version", "proposed_by"],
            ["payment_terms.provider_id", "payment_terms.version", "payment_terms.proposed_by"],
            name="fk_payment_terms_approvals_version",
        ),
        second_person_check("approved_by", "proposed_by"),
    )

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    proposed_by: Mapped[UUID]
    approved_by: Mapped[UUID]
    in_force_from: Mapped[date]
    """The wanted day, or that of the approval when it came later: terms do not change what was."""
    approved_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
