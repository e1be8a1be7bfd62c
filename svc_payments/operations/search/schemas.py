from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Hit(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    kind: str
    """payment, bill, posting, refund, e_invoice, mandate, settlement, transfer_file, case, till_session, statement,
    incident, manual_action or bill_file; expect further values within v1."""
    id: UUID
    """Of a statement's line, the statement's."""
    found_by: str
    """As which of its numbers the one looked for was found, such as receipt_number; expect further values within v1."""
    payment_id: UUID | None
    """The payment that it belongs to, where it belongs to one."""


class Hits(BaseModel):
    items: list[Hit]
