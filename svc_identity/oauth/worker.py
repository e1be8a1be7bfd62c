"""Ends sign-ins whose factor was removed, and notifies apps of ended ones (OpenID Connect Back-Channel Logout 1.0)."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx
from sqlalchemy import select
from sqlalchemy.orm import Session

from chassis.db import Database, now
from chassis.http_client import NoAnswer, NotReached, call, outside_client
from chassis.telemetry import log
from kit.leases import claimable, pause_after
from kit.public_addresses import RESOLVE_SECONDS, AddressRefused, Target, pinned
from svc_identity.oauth import refresh, removed_factors
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.models import Client, EndReason, LogoutNotice, TokenFamily
from svc_identity.oauth.subjects import subject_for

PAUSES = (10.0, 60.0, 300.0, 1_800.0, 7_200.0)
KEPT = timedelta(days=1)
"""After that an app has not been notified; its access tokens ended long before."""
_LOOKED_BACK, _ENDED_AT_ONCE = timedelta(days=7), 200
"""Longer than any worker rests."""
_SECONDS = 5.0
_AT_ONCE = 20
_LEASE = timedelta(seconds=_AT_ONCE * (_SECONDS + RESOLVE_SECONDS))
_TAKEN = {httpx.codes.OK, httpx.codes.NO_CONTENT}


async def end_sign_ins_of_removed_factors(database: Database) -> None:
    async with database.transaction() as tx:
        await tx.run_sync(_end_sign_ins_of_removed_factors)


def _end_sign_ins_of_removed_factors(session: Session) -> None:
    over = removed_factors.over(now() - _LOOKED_BACK).limit(_ENDED_AT_ONCE)
    for family in session.scalars(over.with_for_update(of=TokenFamily, skip_locked=True)):
        refresh.end(family, EndReason.FACTOR_REMOVED)


@dataclass(frozen=True)
class Notice:
    """A leased notice, for the call between two transactions."""

    id: UUID
    number: int
    address: str
    token: str


class Notifier:
    def __init__(self, database: Database, issuer: Issuer, *, only_public: bool) -> None:
        self._database = database
        self._issuer = issuer
        self._only_public = only_public

    async def notify_due(self) -> None:
        """Send the notices that are due; each is tried again until the app takes it, for a day."""
        leased = await self._lease()
        async with outside_client() as client:
            for notice in leased:
                await self._apply(notice, await self._send(client, notice))

    async def _lease(self) -> list[Notice]:
        async with self._database.transaction() as tx:
            due = select(LogoutNotice).where(LogoutNotice.try_at <= now())
            leased = []
            for row in await tx.scalars(claimable(due, LogoutNotice.try_at, limit=_AT_ONCE)):
                client = await tx.get_one(Client, row.client_id)
                if client.backchannel_logout_uri is None or row.created_at < now() - KEPT:
                    log.warning("logout_notice_dropped", client_id=row.client_id, family_id=str(row.family_id))
                    await tx.delete(row)
                    continue
                subject = subject_for(self._issuer.subject_key, client, row.person_id)
                token = self._issuer.logout_token(row.client_id, subject, row.family_id)
                number = row.lease(_LEASE)
                leased.append(Notice(row.id, number, client.backchannel_logout_uri, token))
            return leased

    async def _send(self, client: httpx.AsyncClient, notice: Notice) -> bool:
        """Whether the app has taken the notice."""
        try:
            target = await self._target(notice.address)
            request = client.build_request(
                "POST",
                target.url,
                headers=dict(target.headers),
                data={"logout_token": notice.token},
                extensions=dict(target.extensions),
            )
            reply = await call(client, request, seconds=_SECONDS)
        except (NotReached, NoAnswer, AddressRefused, httpx.InvalidURL) as error:
            log.warning("logout_notice_failed", notice_id=str(notice.id), reason=type(error).__name__)
            return False
        if reply.status not in _TAKEN:
            log.warning("logout_notice_failed", notice_id=str(notice.id), reason=f"status_{reply.status}")
        return reply.status in _TAKEN

    async def _target(self, address: str) -> Target:
        url = httpx.URL(address)
        if not self._only_public:
            return Target(url)
        if url.scheme != "https":
            raise NotReached("not_https")
        return await pinned(url)

    async def _apply(self, notice: Notice, taken: bool) -> None:  # noqa: FBT001 - the outcome
        async with self._database.transaction() as tx:
            row = await tx.get(LogoutNotice, notice.id, with_for_update=True)
            if row is None or row.tries != notice.number:
                return
            if taken:
                await tx.delete(row)
            else:
                row.try_at = now() + pause_after(PAUSES, notice.number - 1)
