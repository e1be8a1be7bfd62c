from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Line
from svc_services.fields import Reason
from svc_services.providers.connections.schemas import Connection
from svc_services.reference.models import UtilityKind


class OwnProvider(Connection):
    """A provider as the people of its company see it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str
    uscc: str
    kind: UtilityKind
    division_codes: list[str]
    contact_phone: str | None
    """Where operators of the platform reach the company."""


class ContactCorrection(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    contact_phone: Annotated[Line, Field(pattern=r"^\+?[0-9 -]{5,24}$")]
    reason: Reason
    """Kept with the change."""
