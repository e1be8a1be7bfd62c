from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp
from svc_payments.base import Base
from svc_payments.collection.receipts.models import Receipt


class ReceiptCode(Base):
    """The code on a receipt that was printed, by which anyone who holds it can verify it; made with the first print.

    It is looked for by its hash, so that how long an answer takes says nothing about how close a guess came.
    """

    __tablename__ = "receipt_codes"

    payment_id: Mapped[UUID] = mapped_column(ForeignKey(Receipt.payment_id), primary_key=True)
    code: Mapped[str] = mapped_column(Text)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
