from datetime import date
from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event


class PaymentTermsPublished(Event):
    """A provider's payment terms were approved; they apply from a day on."""

    event_type: ClassVar[str] = "cn.ili.payments.payment_terms.published.v1"
    key_field: ClassVar[str] = "provider_id"

    provider_id: UUID
    version: int
    in_force_from: date
