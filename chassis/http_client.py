"""Calls to outside systems: bounded in time and size, never redirected, and clear about what was certainly not sent."""

import asyncio
import ssl
from dataclasses import dataclass

import httpx

MOST_BYTES = 64 * 1024
TLS = httpx.create_ssl_context()
"""One for the process: reading the certificate authorities takes as long as many calls."""
FAILURES = (httpx.HTTPError, OSError, AttributeError)  # the last two are anyio's for a connection that is reset at once


class NotReached(Exception):  # noqa: N818 - an outcome of the network that callers handle
    """The request has certainly not reached the other side."""


class NoAnswer(Exception):  # noqa: N818 - as above
    """The request may have reached the other side; its outcome is unknown."""


class AnswerTooLong(NoAnswer):
    """The answer exceeds `MOST_BYTES`; the rest was not read."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: httpx.Headers
    body: bytes


def outside_client(base_url: str = "", *, tls: ssl.SSLContext = TLS) -> httpx.AsyncClient:
    """A client of outside systems; it ignores proxies of the environment, which would bypass our checks."""
    # `call` bounds the whole of each exchange, which httpx's timeouts, one for each step of it, do not.
    timeout = httpx.Timeout(None)
    # A compressed answer could unfold to any size: none is accepted, and none is unfolded.
    headers = {"Accept-Encoding": "identity"}
    return httpx.AsyncClient(base_url=base_url, headers=headers, verify=tls, trust_env=False, timeout=timeout)


async def call(client: httpx.AsyncClient, request: httpx.Request, *, seconds: float) -> Reply:
    """Send a request and read the whole answer within `seconds`; a trickle of bytes does not extend the limit.

    Raises:
        NotReached: no connection was established.
        NoAnswer: no complete answer within the size limit arrived in time.
    """
    connected = False

    async def trace(name: str, _info: object) -> None:
        nonlocal connected
        connected = connected or name.endswith("send_request_headers.started")

    request.extensions["trace"] = trace
    try:
        async with asyncio.timeout(seconds):
            response = await client.send(request, stream=True)
            try:
                return Reply(response.status_code, response.headers, await _read(response))
            finally:
                await response.aclose()
    except FAILURES as error:  # a TimeoutError is an OSError
        kind = NoAnswer if connected else NotReached
        raise kind(type(error).__name__) from None


async def _read(response: httpx.Response) -> bytes:
    body = b""
    async for part in response.aiter_raw():
        body += part
        if len(body) > MOST_BYTES:
            raise AnswerTooLong("answer_too_long")
    return body
