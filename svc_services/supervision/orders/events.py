from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_services.supervision.orders.models import OrderAction, OrderStatus


class SupervisionOrderMoved(Event):
    """A supervision order was issued, answered, decided or has become overdue."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.supervision_order.moved.v1"
    key_field: ClassVar[str] = "order_id"

    order_id: UUID
    application_id: UUID | None
    """Null where the order is on a complaint."""
    complaint_id: UUID | None
    provider_id: UUID
    division_code: str
    clerk_id: UUID | None
    """The clerk who is to answer; null: the provider."""
    issued_by: UUID
    action: OrderAction
    """Expect further actions within v1."""
    status: OrderStatus
    due_on: date
    level: int
    """0: in time; 1: overdue, with the operators of the division; 2: with those of the prefecture."""
