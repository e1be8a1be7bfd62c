"""Delivery of postings to providers, in the order of each account, until booked or refused.

A provider that does not answer within its time is sent a cancellation instead, until it answers that.
"""

import asyncio
from datetime import timedelta
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chassis.db import Database
from chassis.http_client import outside_client
from chassis.telemetry import log
from kit.leases import pause_after
from kit.public_addresses import RESOLVE_SECONDS
from kit.signatures.keys import load_private_key
from svc_payments.collection.postings.kept_here import BooksKeptHere
from svc_payments.collection.postings.leasing import Try, lease_cancellations, lease_postings, providers_due
from svc_payments.collection.postings.outcomes import apply_cancellation, apply_outcome
from svc_payments.collection.postings.provider import HttpProviderBooks, NotFound, NotHeard, Outcome, ProviderBooks
from svc_payments.parties.providers.models import PAYEE, Provider
from svc_payments.settings import Settings

_CALLS_IN_A_TRY = 2
_SLACK_SECONDS = 5.0
_LONGEST_WAIT = timedelta(minutes=1)
"""The pause while nothing can be sent, so that postings go out soon after a resumption."""


class Delivery:
    """Sends due postings, one lane per provider, so that a slow provider delays no other."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._key: RSAPrivateKey = load_private_key(settings.provider_signing_key.get_secret_value())
        self._busy: set[UUID] = set()

    async def run(self) -> None:
        """Deliver until cancelled. Postings in flight then are retried when their lease expires."""
        async with asyncio.TaskGroup() as lanes:
            while True:
                async with self._database.read() as tx:
                    waiting = await providers_due(tx)
                for provider_id in set(waiting) - self._busy:
                    self._busy.add(provider_id)
                    lanes.create_task(self._work_off(provider_id))
                await asyncio.sleep(self._settings.poll_seconds)

    async def _work_off(self, provider_id: UUID) -> None:
        try:
            async with outside_client() as client:
                while await self.deliver_due(provider_id, client):
                    pass
        except Exception as error:  # noqa: BLE001 - one provider's trouble, whatever it is, must not end all lanes
            log.error("lane_failed", provider_id=str(provider_id), exc_info=error)
            await asyncio.sleep(self._settings.poll_seconds)
        finally:
            self._busy.discard(provider_id)

    async def deliver_due(self, provider_id: UUID, client: httpx.AsyncClient) -> int:
        """Send one provider its next few due postings. Returns how many there were."""
        seconds = self._settings.provider_timeout_seconds
        lease = timedelta(seconds=_CALLS_IN_A_TRY * (RESOLVE_SECONDS + seconds) + _SLACK_SECONDS)
        async with self._database.transaction() as tx:
            tries = [
                *await lease_postings(tx, provider_id, lease),
                *await lease_cancellations(tx, provider_id, lease),
            ]
            provider = await tx.get(Provider, provider_id)
        if provider and provider.kind == PAYEE:
            await asyncio.gather(*(self._deliver(BooksKeptHere(), each) for each in tries))
            return len(tries)
        if provider is None or provider.suspended_at is not None:
            # Nothing is sent; the time limits still run, so that money does not wait for ever.
            for each in tries:
                outcome = NotHeard("provider_suspended" if provider else "provider_not_known_here_yet")
                await self._apply_outcome(each, outcome, _LONGEST_WAIT)
            return 0
        only_public = self._settings.provider_endpoints == "public"
        recipient = str(provider_id)
        books = HttpProviderBooks(client, provider.endpoint_url, recipient, self._key, seconds, only_public)
        await asyncio.gather(*(self._deliver(books, each) for each in tries))
        return len(tries)

    async def _deliver(self, books: ProviderBooks, each: Try) -> None:
        try:
            await self._apply_outcome(each, await _outcome(books, each))
        except Exception as error:  # noqa: BLE001 - its lease runs out and its turn comes again; the others go on
            log.error("delivery_failed", posting_id=str(each.posting.id), exc_info=error)

    async def _apply_outcome(self, each: Try, outcome: Outcome, longest: timedelta = timedelta.max) -> None:
        pause = min(longest, pause_after(self._settings.posting_retry_seconds, each.number - 1))
        async with self._database.transaction() as tx:
            if each.cancelling:
                await apply_cancellation(tx, each, outcome, pause)
            else:
                await apply_outcome(tx, each, outcome, pause)


async def _outcome(books: ProviderBooks, each: Try) -> Outcome:
    if each.cancelling:
        return await books.cancel(each.posting)
    outcome = await books.query(each.posting) if each.ask_first else NotFound()
    return await books.book(each.posting) if isinstance(outcome, NotFound) else outcome
