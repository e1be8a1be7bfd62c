from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event
from svc_payments.billing.files.models import BillFile


class BillFileIngested(Event):
    """A provider's bill file was ingested; the counts are of its rows."""

    event_type: ClassVar[str] = "cn.ili.payments.bill_file.ingested.v1"
    key_field: ClassVar[str] = "bill_file_id"

    bill_file_id: UUID
    provider_id: UUID
    accepted: int
    unchanged: int
    amended: int
    refused: int


def event_of(file: BillFile) -> BillFileIngested:
    return BillFileIngested(
        bill_file_id=file.id,
        provider_id=file.provider_id,
        accepted=file.accepted,
        unchanged=file.unchanged,
        amended=file.amended,
        refused=file.refused,
    )
