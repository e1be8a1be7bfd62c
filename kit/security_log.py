"""What several services write to the security log, and when: `chassis.telemetry.SecurityEvent` says how."""

from functools import partial

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from chassis.telemetry import SecurityEvent

CLIENT_REFUSED = SecurityEvent("client_refused")
"""A system did not prove itself, or its access is suspended or ended."""


def record_on_commit(tx: AsyncSession | Session, what: SecurityEvent, reason: str = "", **ids: object) -> None:
    """Record what a transaction does once it has committed: what was rolled back has not happened."""
    session = tx.sync_session if isinstance(tx, AsyncSession) else tx
    write = partial(what.record, reason, **ids)
    event.listen(session, "after_commit", lambda _session: write(), once=True)
