from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from kit.fields.divisions import DivisionCode
from svc_miniapps.packages.schemas import MAX_VERSION_CODE


class Opened(BaseModel):
    """An opening of an app on a phone."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    opening_id: UUID
    """A new one for each opening; a report repeated with the same one counts once."""
    version_code: int = Field(ge=1, le=MAX_VERSION_CODE)
    division_code: DivisionCode
    """Whose catalogue the person reads."""
