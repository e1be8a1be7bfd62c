from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class AppVisibility(Event):
    """The fields of both events."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "app_id"

    app_id: UUID
    take_down_id: UUID
    """The reason is for the team alone."""
    division_code: str
    kind: str


class AppTakenDown(AppVisibility):
    """Residents do not see the app any more, and its client gets no tokens."""

    event_type: ClassVar[str] = "cn.ili.miniapps.app.taken_down.v1"


class AppRestored(AppVisibility):
    """Residents see the app again."""

    event_type: ClassVar[str] = "cn.ili.miniapps.app.restored.v1"
