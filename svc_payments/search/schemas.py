from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Hit(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: str
    """payment, bill or posting; expect further values within v1."""
    id: UUID
    found_by: str
    """As which of its numbers the one looked for was found, such as receipt_number; expect further values within v1."""
    payment_id: UUID | None
    """The payment that it belongs to, where it belongs to one."""


class Hits(BaseModel):
    items: list[Hit]
