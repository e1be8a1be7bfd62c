"""A company's endpoint that receives deliveries."""

import re
import time
from dataclasses import dataclass
from typing import Literal

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import BaseModel

from chassis.db import now
from chassis.http_client import NoAnswer, NotReached, Reply, call
from kit.signatures.messages import Unsignable, sign_request
from kit.strict_json import answer_of
from svc_services.endpoint_urls import Endpoints, EndpointUrlRefused
from svc_services.providers.deliveries.leasing import Outcome, Try
from svc_services.providers.deliveries.letters import letter
from svc_services.providers.deliveries.models import DeliveryFault

_CODE = re.compile(r"[a-z]{1,24}(?:_[a-z]{1,24}){0,5}")
"""What is kept of an answer that is no receipt."""


class Receipt(BaseModel):
    result: Literal["received"]


class _Refusal(BaseModel):
    code: str


@dataclass(frozen=True)
class HttpReceiver:
    """Over HTTP, signed: `POST {endpoint_url}/deliveries`."""

    key: RSAPrivateKey
    endpoints: Endpoints
    seconds: float
    """For the whole of an answer."""

    async def send(self, client: httpx.AsyncClient, each: Try) -> Outcome:
        """Send a delivery once. Failures are faults of the outcome, not exceptions."""
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
