"""Sends messages about changes of phone, and forgets what only began."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, now
from chassis.http_client import outside_client
from chassis.telemetry import log
from kit.leases import claimable, pause_after
from svc_identity.settings import Settings
from svc_identity.sign_in.carriers import sms_by
from svc_identity.sign_in.phone_changes.models import ChangeStatus, PhoneChange, PhoneNotice, ProofTry
from svc_identity.sign_in.provider import NotSent

PAUSES = (10.0, 60.0, 300.0, 1_800.0, 7_200.0)
KEPT = timedelta(days=1)
"""Of messages that did not leave, tries, and changes that only began."""
_AT_ONCE, _SECONDS = 10, 5.0
_LEASE = timedelta(seconds=_AT_ONCE * _SECONDS * 2)


@dataclass(frozen=True)
class Message:
    """A leased notice, for the call between two transactions; `repr` shows nothing, so that no log can."""

    id: UUID
    number: int
    phone: str
    template: str
    language: str
    link: str

    def __repr__(self) -> str:
        return "Message(…)"


class PhoneNotifier:
    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings

    async def notify_due(self) -> None:
        """Send the notices that are due; each is tried again until it has left, for a day."""
        leased = await self._lease()
        async with outside_client() as client:
            sms = sms_by(self._settings, client, seconds=_SECONDS)
            for message in leased:
                try:
                    await sms.send_notice(message.phone, message.template, language=message.language, link=message.link)
                except NotSent:
                    await self._finish(message, sent=False)
                else:
                    await self._finish(message, sent=True)

    async def _lease(self) -> list[Message]:
        async with self._database.transaction() as tx:
            due = select(PhoneNotice).where(PhoneNotice.try_at <= now())
            leased = []
            for row in await tx.scalars(claimable(due, PhoneNotice.try_at, limit=_AT_ONCE)):
                if row.change_id is None and row.created_at < now() - KEPT:
                    log.warning("phone_notice_dropped", template=row.template)
                    await tx.delete(row)
                    continue
                number = row.lease(_LEASE)
                leased.append(Message(row.id, number, row.phone, row.template, row.language, row.link))
            return leased

    async def _finish(self, message: Message, *, sent: bool) -> None:
        async with self._database.transaction() as tx:
            row = await tx.get(PhoneNotice, message.id, with_for_update=True)
            if row is None or row.tries != message.number:
                return
            if sent:
                await tx.delete(row)
            else:
                row.try_at = now() + pause_after(PAUSES, message.number - 1)


async def prune(tx: AsyncSession) -> None:
    """Delete changes that only began, with their numbers, and tries that no limit counts."""
    begun = PhoneChange.status == ChangeStatus.STARTED
    await tx.execute(delete(PhoneChange).where(begun, PhoneChange.created_at < now() - KEPT))
    await tx.execute(delete(ProofTry).where(ProofTry.tried_at < now() - KEPT))
