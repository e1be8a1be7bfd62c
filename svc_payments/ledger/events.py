from datetime import datetime
from typing import ClassVar

from pydantic import ConfigDict

from chassis.outbox import Event


class LedgerAnchored(Event):
    """The head of the ledger's hash chain was written outside the database.

    A holder of these events can prove that the chain was not cut or rewritten since.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.payments.ledger.anchored.v1"
    key_field: ClassVar[str] = "link_number"

    link_number: int
    """The number of links in the chain."""
    hash: str
    """SHA-256 of the last of them, in hexadecimal."""
    sealed_at: datetime
    object_name: str
    """Its object name in the anchor store."""
