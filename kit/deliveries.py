"""Signed deliveries to endpoints of outsiders: one try, what came of it, and how long to pause after a failure."""

import re
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import BaseModel

from chassis.db import now
from chassis.http_client import NoAnswer, NotReached, Reply, call
from kit.endpoint_urls import Endpoints, EndpointUrlRefused
from kit.signatures.messages import Unsignable, sign_request
from kit.strict_json import answer_of

MOST_FAILURES = 10
"""In a row; then one delivery at a time is tried."""
PAUSES = (10, 30, 120, 300, 900, 1800, 3600, 7200, 14_400, 21_600)
PROBE_PAUSES = (30, 60, 120, 300, 600)
_NOBODY_THERE = (401, 403, 404, 405, 410)
"""Statuses that refuse every delivery alike: nobody is at the address, or they reject our key."""
_CODE = re.compile(r"[a-z]{1,24}(?:_[a-z]{1,24}){0,5}")
"""What is kept of an answer that is no receipt."""


class DeliveryFault(StrEnum):
    """Why a try has delivered nothing."""

    ADDRESS_REFUSED = "address_refused"
    """The endpoint's name resolves to no address, or to one that is not public."""
    NOT_REACHED = "not_reached"
    NO_ANSWER = "no_answer"
    """Also one that is too long or too slow."""
    WRONG_STATUS = "wrong_status"
    WRONG_ANSWER = "wrong_answer"
    """200, and not `{"result": "received"}`."""


@dataclass(frozen=True)
class Outcome:
    began_at: datetime
    milliseconds: int
    status: int | None = None
    fault: DeliveryFault | None = None
    answer: str | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the endpoint works: it took the delivery, or refused this one."""
        return self.fault is None or (self.status in range(400, 500) and self.status not in _NOBODY_THERE)


class Receipt(BaseModel):
    result: Literal["received"]


class _Refusal(BaseModel):
    code: str


@dataclass(frozen=True)
class Letter:
    """What is sent where; the signature is bound to all three."""

    recipient: str
    url: str
    body: bytes


@dataclass(frozen=True)
class Carrier:
    """Sends letters over HTTP, signed."""

    key: RSAPrivateKey
    endpoints: Endpoints
    seconds: float
    """For the whole of an answer."""

    async def send(self, client: httpx.AsyncClient, letter: Letter) -> Outcome:
        """Send a letter once. Failures are faults of the outcome, not exceptions."""
        began_at, begun = now(), time.monotonic()
        reply: Reply | None = None
        fault: DeliveryFault | None
        try:
            reply = await call(client, await self._request(client, letter), seconds=self.seconds)
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

    async def _request(self, client: httpx.AsyncClient, letter: Letter) -> httpx.Request:
        url = str(httpx.URL(letter.url))
        target = await self.endpoints.target(url)
        signed = sign_request(self.key, letter.recipient, "POST", url, letter.body)
        headers = {**signed, **target.headers}
        extensions = dict(target.extensions)
        return client.build_request("POST", target.url, content=letter.body, headers=headers, extensions=extensions)


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
