"""Tells people by SMS that a second factor or a family account of theirs came or went, whoever did it."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from chassis.db import Database, now
from chassis.http_client import outside_client
from chassis.telemetry import log
from kit.leases import claimable, pause_after
from svc_identity.people.consents.models import Consent
from svc_identity.people.factors.models import FactorNotice
from svc_identity.people.notices import Notice
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.settings import Settings
from svc_identity.sign_in.carriers import sms_by
from svc_identity.sign_in.provider import NotSent

PAUSES = (10.0, 60.0, 300.0, 1_800.0, 7_200.0)
KEPT = timedelta(days=1)
"""A message about a change of long ago would only confuse."""
_AT_ONCE, _SECONDS = 10, 5.0
_LEASE = timedelta(seconds=_AT_ONCE * _SECONDS * 2)


@dataclass(frozen=True)
class Message:
    """A leased notice, for the call between two transactions."""

    id: UUID
    number: int
    phone: str
    template: str
    language: str


class FactorNotifier:
    def __init__(self, database: Database, settings: Settings, notices: type[Notice] = FactorNotice) -> None:
        self._database, self._settings, self._notices = database, settings, notices

    async def notify_due(self) -> None:
        """Send the notices that are due; each is tried again until it has left, for a day."""
        leased = await self._lease()
        async with outside_client() as client:
            sms = sms_by(self._settings, client, seconds=_SECONDS)
            for message in leased:
                try:
                    await sms.send_notice(message.phone, message.template, language=message.language)
                except NotSent:
                    await self._try_again(message)
                else:
                    await self._done(message)

    async def _lease(self) -> list[Message]:
        async with self._database.transaction() as tx:
            due = select(self._notices).where(self._notices.try_at <= now())
            leased = []
            for row in await tx.scalars(claimable(due, self._notices.try_at, limit=_AT_ONCE)):
                if row.created_at < now() - KEPT:
                    log.warning("notice_dropped", what=row.what, person_id=str(row.person_id))
                    await tx.delete(row)
                    continue
                clear = await read_personal_data(
                    tx, [row.person_id], ["phone"], reader=str(row.person_id), purpose=Purpose.OWN_PROFILE
                )
                last = select(Consent.language).where(Consent.person_id == row.person_id).order_by(Consent.id.desc())
                language = await tx.scalar(last.limit(1)) or "zh"
                phone = clear[row.person_id].phone or ""
                leased.append(Message(row.id, row.lease(_LEASE), phone, row.what, language))
            return leased

    async def _done(self, message: Message) -> None:
        async with self._database.transaction() as tx:
            row = await tx.get(self._notices, message.id, with_for_update=True)
            if row is not None and row.tries == message.number:
                await tx.delete(row)

    async def _try_again(self, message: Message) -> None:
        async with self._database.transaction() as tx:
            row = await tx.get(self._notices, message.id, with_for_update=True)
            if row is not None and row.tries == message.number:
                row.try_at = now() + pause_after(PAUSES, message.number - 1)
