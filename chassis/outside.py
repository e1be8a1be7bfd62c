"""Calls to systems of others: bounded in time and size, never redirected, and clear about what was surely not heard."""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from dataclasses import dataclass

import httpx

MOST_BYTES = 64 * 1024
RESOLVE_SECONDS = 5.0
TLS = httpx.create_ssl_context()
"""One for the process: reading the certificate authorities takes as long as many calls."""

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_SIX_TO_FOUR = ipaddress.ip_network("2002::/16")  # wraps any IPv4 address, also a private one


class NotReached(Exception):  # noqa: N818 - an answer of the network, told apart by its callers
    """The other side has surely not heard us."""


class NoAnswer(Exception):  # noqa: N818 - as above
    """The other side may have heard us; what it made of it is not known."""


class AnswerTooLong(NoAnswer):
    """The answer exceeds `MOST_BYTES`; the rest was not read."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: httpx.Headers
    body: bytes


def outside_client(base_url: str = "", *, tls: ssl.SSLContext = TLS) -> httpx.AsyncClient:
    """A client of outside systems; proxies of the environment are not asked, so that no check of ours is passed by."""
    # `call` bounds the whole of each exchange, which httpx's timeouts, one for each step of it, do not.
    timeout = httpx.Timeout(None)
    # A compressed answer could unfold to any size: none is asked for, and none is unfolded.
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
    except (httpx.HTTPError, TimeoutError) as error:
        kind = NoAnswer if connected else NotReached
        raise kind(type(error).__name__) from None


async def _read(response: httpx.Response) -> bytes:
    body = b""
    async for part in response.aiter_raw():
        body += part
        if len(body) > MOST_BYTES:
            raise AnswerTooLong("answer_too_long")
    return body


async def public_address(host: str, port: int) -> str:
    """The address to connect to: looked up once, so that the name cannot mean another machine a moment later.

    Raises:
        NotReached: the name is not known, or one of its addresses is not of the public internet.
    """
    addresses = await resolve(host, port)
    if not addresses:
        raise NotReached("name_unknown")
    if not all(map(is_public, addresses)):
        raise NotReached("address_not_public")
    return addresses[0]


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, as the operating system knows them; empty when it knows none."""
    with contextlib.suppress(OSError, UnicodeError, TimeoutError):
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return [str(address[0]) for *_, address in found]
    return []


def is_public(address: str) -> bool:
    """Whether an IP address belongs to a host of the public internet."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        return parsed in _GLOBAL_UNICAST and parsed not in _SIX_TO_FOUR and parsed.is_global
    return parsed.is_global and not parsed.is_multicast
