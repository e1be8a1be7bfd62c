"""The port to the 12345 hotline, and its HTTP adapter.

No interface of the hotline is published. The adapter speaks a small contract of our own, `docs/hotline.md`.
"""

from dataclasses import dataclass
from ssl import SSLContext
from typing import Protocol
from urllib.parse import quote

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import BaseModel

from chassis.http_client import TLS, NoAnswer, NotReached, call, outside_client
from chassis.telemetry import log
from kit.signatures.messages import Unsignable, sign_request
from kit.strict_json import answer_of
from svc_services.supervision.hotline.schemas import HandedTicket, HotlineNumber

OFF, RECIPIENT_NAME = "off", "hotline"


class Acknowledgement(BaseModel):
    """The hotline's answer: both numbers."""

    number: str
    hotline_number: HotlineNumber


class Hotline(Protocol):
    async def tell(self, ticket: HandedTicket) -> Acknowledgement | None:
        """Tell where a complaint stands, idempotent by number and revision; None: the outcome is unknown."""


@dataclass(frozen=True)
class HttpHotline:
    """Over HTTP, signed: `PUT {url}/tickets/{number}`."""

    url: str
    key: RSAPrivateKey
    seconds: float = 10.0
    tls: SSLContext = TLS

    async def tell(self, ticket: HandedTicket) -> Acknowledgement | None:
        try:
            async with outside_client(tls=self.tls) as client:
                reply = await call(client, self._request(client, ticket), seconds=self.seconds)
            if reply.status == httpx.codes.OK:
                return answer_of(Acknowledgement, reply.body)
            reason = f"status_{reply.status}"
        except (NotReached, NoAnswer, httpx.InvalidURL, Unsignable, ValueError) as error:
            reason = type(error).__name__
        log.warning("hotline_gave_no_answer", number=ticket.number, reason=reason)
        return None

    def _request(self, client: httpx.AsyncClient, ticket: HandedTicket) -> httpx.Request:
        url, body = f"{self.url}/tickets/{quote(ticket.number)}", ticket.model_dump_json().encode()
        signed = sign_request(self.key, RECIPIENT_NAME, "PUT", url, body)
        return client.build_request("PUT", url, content=body, headers=signed)
