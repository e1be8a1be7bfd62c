from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event


class AppHandedOver(Event):
    """A mini-app belongs to another team from now on."""

    event_type: ClassVar[str] = "cn.ili.miniapps.app.handed_over.v1"
    key_field: ClassVar[str] = "app_id"

    app_id: UUID
    organisation_id: UUID
    division_code: str
