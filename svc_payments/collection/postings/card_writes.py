"""Keeps what a booking issues for a prepaid meter, and polls whether its card has been written.

A terminal of the provider writes the card, some time after the booking. The provider is polled until it says so, each
posting by one worker at a time and outside any transaction.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.http_client import outside_client
from chassis.telemetry import log
from kit.calendar import database_time
from kit.leases import claim_due, pause_after
from kit.public_addresses import RESOLVE_SECONDS
from kit.signatures.keys import load_private_key
from svc_payments.collection.postings.models import CardWriting, Posting, PostingStatus
from svc_payments.collection.postings.provider import Booked, HttpProviderBooks, Outcome, Prepaid, ProviderBooks
from svc_payments.parties.providers.models import Provider
from svc_payments.settings import Settings

WRITE_CARD, WRITTEN = "write_card", "written"
_MOST_POLLS = 120
"""About three months with the usual pauses; then polling ends."""
_SLACK_SECONDS = 5.0


async def keep_prepaid(tx: AsyncSession, posting: Posting, prepaid: Prepaid) -> None:
    """Keep what the provider issued for a locked posting; a card waiting to be written is polled."""
    posting.prepaid_kind, posting.prepaid_token, posting.prepaid_state = prepaid.kind, prepaid.token, prepaid.state
    if prepaid.kind == WRITE_CARD and prepaid.state != WRITTEN:
        tx.add(CardWriting(posting_id=posting.id, asked=0, ask_at=await database_time(tx)))


class Cards:
    """Polls the providers about cards that their terminals have to write."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._key: RSAPrivateKey = load_private_key(settings.provider_signing_key.get_secret_value())

    async def ask_all_due(self) -> None:
        async with outside_client() as client:
            while await self.ask_due(client):
                pass

    async def ask_due(self, client: httpx.AsyncClient) -> int:
        """Query the next few cards. Returns how many were queried."""
        seconds = self._settings.provider_timeout_seconds
        lease = timedelta(seconds=RESOLVE_SECONDS + seconds + _SLACK_SECONDS)
        async with self._database.transaction() as tx:
            turns = await _turns(tx, await claim_due(tx, CardWriting, lease))
        only_public = self._settings.provider_endpoints == "public"
        await asyncio.gather(
            *(
                self._ask(
                    posting,
                    HttpProviderBooks(client, url, str(posting.provider_id), self._key, seconds, only_public),
                )
                for posting, url in turns
            )
        )
        return len(turns)

    async def _ask(self, posting: Posting, books: ProviderBooks) -> None:
        try:
            outcome = await books.query(posting)
            async with self._database.transaction() as tx:
                await _apply(tx, posting.id, outcome, self._settings.card_ask_seconds)
        except Exception as error:  # noqa: BLE001 - its lease runs out and its turn comes again; the others go on
            log.error("card_asking_failed", posting_id=str(posting.id), exc_info=error)


async def _turns(tx: AsyncSession, due: Sequence[CardWriting]) -> Sequence[tuple[Posting, str]]:
    ids = [writing.posting_id for writing in due]
    query = select(Posting, Provider.endpoint_url).join(Provider, Provider.provider_id == Posting.provider_id)
    connected = query.where(Posting.id.in_(ids), Provider.suspended_at.is_(None))
    return [(posting, url) for posting, url in await tx.execute(connected)]


async def _apply(tx: AsyncSession, posting_id: UUID, outcome: Outcome, pauses: Sequence[float]) -> None:
    """Record the progress of a card; a cancelled booking has no card to write."""
    writing = await tx.get_one(CardWriting, posting_id, with_for_update=True)
    posting = await tx.get_one(Posting, posting_id, with_for_update=True)
    if isinstance(outcome, Booked) and outcome.prepaid and outcome.prepaid.kind == posting.prepaid_kind:
        posting.prepaid_state = outcome.prepaid.state
    else:
        log.warning("card_not_known", posting_id=str(posting.id), outcome=str(outcome))
    writing.ask_at = await database_time(tx) + pause_after(pauses, writing.asked)
    writing.asked += 1
    booked = posting.status in {PostingStatus.BOOKED, PostingStatus.CANCELLING}
    if posting.prepaid_state == WRITTEN or not booked or writing.asked >= _MOST_POLLS:
        writing.ask_at = None
