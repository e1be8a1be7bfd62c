"""The trail of a till session: opened, counted, closed, deposited."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from svc_payments.tills.models import TillSession


class TillSessionEvent(Event):
    """The fields of every till session event."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "till_session_id"

    till_session_id: UUID
    organisation_id: UUID
    division_code: str | None
    till_number: str
    status: str
    """The session's status after the event; expect further values within v1."""
    opening_float_fen: int
    currency: Literal["CNY"] = "CNY"


class TillSessionOpened(TillSessionEvent):
    """A clerk has opened a till."""

    event_type: ClassVar[str] = "cn.ili.payments.till_session.opened.v1"


class TillSessionReopened(TillSessionEvent):
    """A supervisor has sent a counted drawer back."""

    event_type: ClassVar[str] = "cn.ili.payments.till_session.reopened.v1"


class CountedTillSessionEvent(TillSessionEvent):
    expected_fen: int
    counted_fen: int
    difference_fen: int
    """Counted less expected cash; negative if cash is missing."""


class TillSessionCounted(CountedTillSessionEvent):
    """The clerk has counted the drawer; nothing more is taken."""

    event_type: ClassVar[str] = "cn.ili.payments.till_session.counted.v1"


class TillSessionClosed(CountedTillSessionEvent):
    """A supervisor has closed the session; a difference is booked in the ledger."""

    event_type: ClassVar[str] = "cn.ili.payments.till_session.closed.v1"


class TillSessionDeposited(CountedTillSessionEvent):
    """The session's cash is at the bank."""

    event_type: ClassVar[str] = "cn.ili.payments.till_session.deposited.v1"


TILL_SESSION_EVENTS: list[type[TillSessionEvent]] = [
    TillSessionOpened,
    TillSessionReopened,
    TillSessionCounted,
    TillSessionClosed,
    TillSessionDeposited,
]


def event_of(event: type[TillSessionEvent], session: TillSession) -> TillSessionEvent:
    """An event with its fields of a session."""
    usual = {
        "till_session_id": session.id,
        "organisation_id": session.organisation_id,
        "division_code": session.division_code,
        "till_number": session.till_number,
        "status": session.status,
        "opening_float_fen": session.opening_float_fen,
    }
    counted = {
        "expected_fen": session.expected_fen,
        "counted_fen": session.counted_fen,
        "difference_fen": session.difference_fen,
    }
    return event.model_validate(usual | (counted if issubclass(event, CountedTillSessionEvent) else {}))
