from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_services.supervision.ratings.models import Stage


class RatingRequested(Event):
    """An applicant can rate a stage of a case: they are asked once."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.rating.requested.v1"
    key_field: ClassVar[str] = "application_id"

    application_id: UUID
    person_id: UUID
    stage: Stage
    """Expect further stages within v1."""
