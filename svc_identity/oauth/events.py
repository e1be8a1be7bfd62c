from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy.ext.asyncio import async_session
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from chassis.outbox import Event, emit


class ClientRegistered(Event):
    event_type: ClassVar[str] = "cn.ili.identity.client.registered.v1"
    key_field: ClassVar[str] = "client_id"

    client_id: str


class SignInEnded(Event):
    """No token of a sign-in gives access any more: `sign_in_id` is their `sid`."""

    event_type: ClassVar[str] = "cn.ili.identity.sign_in.ended.v1"
    key_field: ClassVar[str] = "sign_in_id"

    sign_in_id: UUID
    tokens_expire_at: datetime
    """From then on each of its access tokens has expired by itself, whatever clock reads it."""


class ClientStandingEvent(Event):
    """Whether a client has access; an event with a lower revision than a known one is older."""

    key_field: ClassVar[str] = "client_id"

    client_id: str
    revision: int


class ClientSuspended(ClientStandingEvent):
    event_type: ClassVar[str] = "cn.ili.identity.client.suspended.v1"


class ClientResumed(ClientStandingEvent):
    event_type: ClassVar[str] = "cn.ili.identity.client.resumed.v1"


def announce(session: Session, event: Event) -> None:
    """`emit`, for what runs in the synchronous face of a transaction's session (`run_sync`)."""
    tx = async_session(session)
    if tx is None:
        raise RuntimeError("only a session of an AsyncSession emits events")
    await_only(emit(tx, event))


class ClientKeyUnknown(Event):
    """A client whose keys are fetched has signed with one that is not known here; at most once a minute each."""

    event_type: ClassVar[str] = "cn.ili.identity.client.key_unknown.v1"
    key_field: ClassVar[str] = "client_id"

    client_id: str
