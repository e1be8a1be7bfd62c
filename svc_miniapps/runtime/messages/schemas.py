from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.text import Line
from svc_miniapps.fields import Code
from svc_miniapps.runtime.messages import models

KEPT = timedelta(days=90)
MessageId = Annotated[
    str, Path(pattern="^[A-Za-z0-9_-]{1,64}$", description="The server's own; the same one sends one message.")
]
PageParameters = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9._~=&-]{1,200}$")]


class NewMessage(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    openid: UUID
    """By which this app knows the resident."""
    template_id: UUID
    values: Annotated[dict[Code, Annotated[Line, Field(max_length=32)]], Field(max_length=6)]
    """One for each field of the template, of its kind and length."""
    page_query: PageParameters | None = None
    """Given to the template's page when the resident opens it."""


class DeliveryStatus(StrEnum):
    IN_INBOX = "in_inbox"
    REMOVED = "removed"
    """The resident has removed it."""


class SentMessage(BaseModel):
    """What became of a message; whether it was read is the resident's own matter."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    message_id: str
    template_id: UUID
    status: DeliveryStatus
    sent_at: datetime
    kept_until: datetime
    """After which it is deleted, and its id is free."""

    @classmethod
    def of(cls, message: models.AppMessage) -> "SentMessage":
        return cls(
            message_id=message.message_id,
            template_id=message.template_id,
            status=DeliveryStatus.REMOVED if message.removed_at else DeliveryStatus.IN_INBOX,
            sent_at=message.sent_at,
            kept_until=message.sent_at + KEPT,
        )


class MessageLine(BaseModel):
    label: str
    value: str


class InboxMessage(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    inbox_message_id: UUID
    app_id: UUID
    app_name: str
    language: str
    """Of the title and the labels."""
    title: str
    lines: list[MessageLine]
    link: str
    """Opens the page of the app that belongs to it."""
    sent_at: datetime
    read_at: datetime | None
