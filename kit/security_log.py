"""What several services write to the security log, and when: `chassis.telemetry.SecurityEvent` says how."""

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from chassis.telemetry import SecurityEvent

CLIENT_REFUSED = SecurityEvent("client_refused")
"""A system did not prove itself, or its access is suspended or ended."""


def record_on_commit(tx: AsyncSession | Session, what: SecurityEvent, reason: str = "", **ids: object) -> None:
    """Record what a transaction does once it has committed: what was rolled back has not happened."""
    session = tx.sync_session if isinstance(tx, AsyncSession) else tx

    recorded = False

    def record(session: Session) -> None:
        nonlocal recorded
        # The commit of a savepoint is none: it can still be rolled back.
        if not recorded and not session.in_nested_transaction():
            recorded = True
            what.record(reason, **ids)

    event.listen(session, "after_commit", record)
