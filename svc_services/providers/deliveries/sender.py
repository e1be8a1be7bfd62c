"""Sends deliveries: a lane for each company in each worker, so that a slow company delays no other."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chassis.db import Database
from chassis.http_client import outside_client
from chassis.telemetry import log
from kit.deliveries import Outcome
from kit.endpoint_urls import Endpoints
from kit.public_addresses import RESOLVE_SECONDS
from svc_services.providers.deliveries.leasing import Try, begin, lease, providers_due, record
from svc_services.providers.deliveries.provider import HttpReceiver

AT_ONCE = 16
"""How many of one company a worker sends at once. It leases twice as many: the next go while outcomes are recorded."""
_POLL_SECONDS = 1.0
_SLACK_SECONDS = 10.0


@dataclass
class Sender:
    """Sends what is due. Failures are outcomes that are recorded, not exceptions."""

    database: Database
    key: RSAPrivateKey
    endpoints: Endpoints
    seconds: float = 10.0
    """For the whole of an answer."""
    _busy: set[UUID] = field(default_factory=set)

    @property
    def lease_time(self) -> timedelta:
        """Longer than a try takes, with the one that it waits for."""
        return timedelta(seconds=2 * (RESOLVE_SECONDS + self.seconds) + _SLACK_SECONDS)

    async def run(self) -> None:
        """Deliver until cancelled. What is under way then is sent again when its lease has expired."""
        async with asyncio.TaskGroup() as lanes:
            while True:
                async with self.database.read() as tx:
                    due = await providers_due(tx)
                for provider_id in set(due) - self._busy:
                    self._busy.add(provider_id)
                    lanes.create_task(self._lane(provider_id))
                await asyncio.sleep(_POLL_SECONDS)

    async def _lane(self, provider_id: UUID) -> None:
        try:
            await self.work_off(provider_id)
        except Exception as error:  # noqa: BLE001 - one company's trouble, whatever it is, must not end all lanes
            log.error("delivery_lane_failed", provider_id=str(provider_id), exc_info=error)
        finally:
            self._busy.discard(provider_id)

    async def work_off(self, provider_id: UUID) -> None:
        """Send a company what is due until nothing is; each outcome is recorded as it comes."""
        under_way: dict[asyncio.Task[Outcome], Try] = {}
        ended: set[asyncio.Task[Outcome]] = set()
        room = asyncio.Semaphore(AT_ONCE)
        async with outside_client() as client:
            try:
                while True:
                    outcomes = [(under_way.pop(task), task.result()) for task in ended]
                    async with self.database.transaction() as tx:
                        turn = await begin(tx, provider_id)
                        await record(tx, turn, outcomes)
                        tries = await lease(tx, turn, self.lease_time, 2 * AT_ONCE - len(under_way))
                    under_way |= {asyncio.create_task(self._send_in(room, client, each)): each for each in tries}
                    if not under_way:
                        return
                    # Not for longer: what has become due must not wait for an answer that is slow.
                    ended, _ = await asyncio.wait(under_way, timeout=_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in under_way:
                    task.cancel()
                await asyncio.gather(*under_way, return_exceptions=True)

    async def _send_in(self, room: asyncio.Semaphore, client: httpx.AsyncClient, each: Try) -> Outcome:
        async with room:
            return await self.send(client, each)

    async def send(self, client: httpx.AsyncClient, each: Try) -> Outcome:
        """Send a delivery once."""
        return await HttpReceiver(self.key, self.endpoints, self.seconds).deliver(client, each)
