from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict, Field

from chassis.outbox import Event


class ArrearsChanged(Event):
    """What is due of the bills of an arrears notice has changed; the first one says what is due at all."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.payments.arrears.changed.v1"
    key_field: ClassVar[str] = "notice_id"

    notice_id: UUID
    provider_id: UUID
    sequence: int
    """Counts the events of the notice, beginning with 1: one with a lower number than another is older."""
    outstanding_fen: int
    """What is left to pay of the bills that are due; 0: paid, or withdrawn by the company."""
    being_paid: bool
    """Whether a payment of one of them is open."""
    unknown_bills: int
    """How many of the notice's numbers are no bills of its account."""
    overdue_since: date | None
    """The latest due date of the bills that are due; of a bill that came later than that, the day on which it came."""
    first_period: date | None
    """The first day of the earliest month that the bills that are due are for."""
    bill_ids: list[UUID] = Field(default_factory=list)
    """Of all bills of the notice that are known on its account, due or not."""
    check_id: UUID | None = None
    """Of the question that this answers, if any: all of it was read after svc_services had asked."""
    paid_at: datetime | None
    """When the last payment of one of them was captured."""
