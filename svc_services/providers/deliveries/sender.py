"""Sends deliveries: a lane for each company in each worker, so that a slow company delays no other."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from ssl import SSLContext
from typing import Literal
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import BaseModel

from chassis.db import Database, now
from chassis.http_client import TLS, NoAnswer, NotReached, Reply, call, outside_client
from chassis.telemetry import log
from kit.public_addresses import RESOLVE_SECONDS
from kit.signatures.messages import Unsignable, sign_request
from kit.strict_json import answer_of
from svc_services.endpoint_urls import Endpoints, EndpointUrlRefused
from svc_services.providers.deliveries.leasing import Outcome, Try, begin, lease, providers_due, record
from svc_services.providers.deliveries.letters import letter
from svc_services.providers.deliveries.models import DeliveryFault

AT_ONCE = 16
"""How many of one company a worker sends at once. It leases twice as many: the next go while outcomes are recorded."""
_POLL_SECONDS = 1.0
_SLACK_SECONDS = 10.0
_CODE = re.compile(r"[a-z]{1,24}(?:_[a-z]{1,24}){0,5}")
"""What is kept of an answer that is no receipt."""


class Receipt(BaseModel):
    result: Literal["received"]


class _Refusal(BaseModel):
    code: str


@dataclass
class Sender:
    """Sends what is due. Failures are outcomes that are recorded, not exceptions."""

    database: Database
    key: RSAPrivateKey
    endpoints: Endpoints
    seconds: float = 10.0
    """For the whole of an answer."""
    tls: SSLContext = TLS
    at_once: int = AT_ONCE
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
        room = asyncio.Semaphore(self.at_once)
        async with outside_client(tls=self.tls) as client:
            try:
                while True:
                    outcomes = [(under_way.pop(task), task.result()) for task in ended]
                    async with self.database.transaction() as tx:
                        turn = await begin(tx, provider_id)
                        await record(tx, turn, outcomes)
                        tries = await lease(tx, turn, self.lease_time, 2 * self.at_once - len(under_way))
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
        began_at, begun = now(), time.monotonic()
        reply: Reply | None = None
        fault: DeliveryFault | None
        try:
            reply = await call(client, await self._request(client, each), seconds=self.seconds)
            fault = _fault(reply)
        except NotReached:
            fault = DeliveryFault.NOT_REACHED
        except NoAnswer:
            fault = DeliveryFault.NO_ANSWER
        except (EndpointUrlRefused, httpx.InvalidURL, Unsignable, ValueError):
            fault = DeliveryFault.ADDRESS_REFUSED
        milliseconds = round((time.monotonic() - begun) * 1_000)
        if reply is None:
            return Outcome(began_at, milliseconds, fault=fault)
        return Outcome(began_at, milliseconds, reply.status, fault, _code(reply) if fault else None)

    async def _request(self, client: httpx.AsyncClient, each: Try) -> httpx.Request:
        url, body = str(httpx.URL(f"{each.endpoint_url}/deliveries")), letter(each.delivery)
        target = await self.endpoints.target(url)
        signed = sign_request(self.key, str(each.delivery.provider_id), "POST", url, body)
        headers = {**signed, **target.headers}
        return client.build_request(
            "POST", target.url, content=body, headers=headers, extensions=dict(target.extensions)
        )


def _fault(reply: Reply) -> DeliveryFault | None:
    if reply.status != httpx.codes.OK:
        return DeliveryFault.WRONG_STATUS
    try:
        answer_of(Receipt, reply.body)
    except ValueError:
        return DeliveryFault.WRONG_ANSWER
    return None


def _code(reply: Reply) -> str | None:
    """The code of a refusal, if it is a plain word: sentences and numbers may name somebody."""
    try:
        code = answer_of(_Refusal, reply.body).code
    except ValueError:
        return None
    return code if _CODE.fullmatch(code) else None
