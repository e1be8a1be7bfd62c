"""Proofs that the person at a counter is the payer of a refund: a code in their app, or a supervisor's approval."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Integer, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from kit.approvals import second_person_check
from svc_payments.base import Base
from svc_payments.collection.refunds.models import Refund
from svc_payments.tills.models import TillSession

MOST_WRONG = 5
"""Wrong codes until a proof is void. The payer or the supervisor can give a new one at once, the clerk cannot."""


class Proof(StrEnum):
    PAYOUT_CODE = "payout_code"
    """The code in the payer's app."""
    RECEIPT_CODE = "receipt_code"
    """The code printed on the receipt, before a supervisor who has seen the payer."""


class PayoutCode(Base):
    """The one-time code of a refund in its payer's app."""

    __tablename__ = "payout_codes"
    __table_args__ = (CheckConstraint(f"wrong BETWEEN 0 AND {MOST_WRONG}", name="wrong"),)

    refund_id: Mapped[UUID] = mapped_column(ForeignKey(Refund.id), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    wrong: Mapped[int] = mapped_column(Integer, default=0)


class PayoutApproval(Base):
    """A supervisor's approval of the payout of one refund by one clerk."""

    __tablename__ = "payout_approvals"
    __table_args__ = (
        second_person_check("approved_by", "clerk_id"),
        CheckConstraint(f"wrong BETWEEN 0 AND {MOST_WRONG}", name="wrong"),
    )

    refund_id: Mapped[UUID] = mapped_column(ForeignKey(Refund.id), primary_key=True)
    till_session_id: Mapped[UUID] = mapped_column(ForeignKey(TillSession.id))
    clerk_id: Mapped[UUID]
    approved_by: Mapped[UUID]
    expires_at: Mapped[datetime] = mapped_column(Timestamp)
    wrong: Mapped[int] = mapped_column(Integer, default=0)
    """Wrong receipt codes that the clerk entered under it."""
