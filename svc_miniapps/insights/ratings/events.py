from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class AppRatingHidden(Event):
    """An operator has hidden a rating; its author reads the reason in their app."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.miniapps.app_rating.hidden.v1"
    key_field: ClassVar[str] = "rating_id"

    rating_id: UUID
    app_id: UUID
    person_id: UUID | None
    """The author."""
