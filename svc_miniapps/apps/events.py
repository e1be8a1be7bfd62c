from typing import ClassVar
from uuid import UUID

from chassis.outbox import Event


class AppRegistered(Event):
    """A county team has registered a mini-app; its name is fixed; it is not visible yet."""

    event_type: ClassVar[str] = "cn.ili.miniapps.app.registered.v1"
    key_field: ClassVar[str] = "app_id"

    app_id: UUID
    organisation_id: UUID
    division_code: str
    category: str
    registered_by: UUID
    """The person, by id."""
