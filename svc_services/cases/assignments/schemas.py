from uuid import UUID

from pydantic import BaseModel, ConfigDict


class WantedAssignment(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    clerk_id: UUID | None
    """A clerk of the case's division; null lifts the assignment."""
