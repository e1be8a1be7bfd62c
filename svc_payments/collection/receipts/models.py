"""Receipts: the number that proves a payment, assigned in the transaction that captures its money."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Sequence, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from svc_payments.base import Base
from svc_payments.collection.payments.models import Payment

receipt_numbers = Sequence("receipt_numbers", metadata=Base.metadata)


class Receipt(Base):
    __tablename__ = "receipts"

    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Payment.id), primary_key=True)
    number: Mapped[str] = mapped_column(Text, unique=True)
    issued_at: Mapped[datetime] = mapped_column(Timestamp)
