from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event


class BillChanged(Event):
    """A bill has a new version. New bills cause no event each: the report of their file has the counts."""

    key_field: ClassVar[str] = "bill_id"

    bill_id: UUID
    provider_id: UUID
    version: int
    """The new one."""
    reason: str
    """Such as meter_error or duplicate; expect further reasons within v1."""


class BillAmended(BillChanged):
    """A provider has amended a due bill."""

    event_type: ClassVar[str] = "cn.ili.payments.bill.amended.v1"


class BillVoided(BillChanged):
    """A provider has voided a due bill."""

    event_type: ClassVar[str] = "cn.ili.payments.bill.voided.v1"


class BillExpired(BillChanged):
    """A due bill has expired: it can no longer be paid."""

    event_type: ClassVar[str] = "cn.ili.payments.bill.expired.v1"


class BillSuperseded(BillChanged):
    """Another bill replaces a due one."""

    event_type: ClassVar[str] = "cn.ili.payments.bill.superseded.v1"

    superseded_by: UUID
    """The replacing bill."""


BILL_EVENTS = (BillAmended, BillVoided, BillExpired, BillSuperseded)
