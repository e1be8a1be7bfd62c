from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class MessageSent(Event):
    """A mini-app has sent a resident a message, which is in their inbox; a notice to their phone is made from it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.miniapps.message.sent.v1"
    key_field: ClassVar[str] = "inbox_message_id"

    inbox_message_id: UUID
    app_id: UUID
    template_id: UUID
    person_id: UUID
    """The recipient."""
