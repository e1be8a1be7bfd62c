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
    """A provider has changed what a due bill says."""

    event_type: ClassVar[str] = "cn.ili.payments.bill.amended.v1"


class BillVoided(BillChanged):
    """A provider has withdrawn a due bill."""

    event_type: ClassVar[str] = "cn.ili.payments.bill.voided.v1"


class BillExpired(BillChanged):
    """The time in which a due bill could be paid is over."""

    event_type: ClassVar[str] = "cn.ili.payments.bill.expired.v1"


class BillSuperseded(BillChanged):
    """Another bill stands in the place of a due one."""

    event_type: ClassVar[str] = "cn.ili.payments.bill.superseded.v1"

    superseded_by: UUID
    """The bill that does."""


BILL_EVENTS = (BillAmended, BillVoided, BillExpired, BillSuperseded)
