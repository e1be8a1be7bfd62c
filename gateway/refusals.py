"""Refusals of the gateway itself, and how they are sent; the texts are in `messages/`."""

import asyncio
import contextlib
import json
from collections.abc import Mapping

from starlette.types import Receive, Send

from chassis.problems import MEDIA_TYPE, Problem, preferred_language
from gateway import refusal_pages
from kit.oauth_errors import oauth_error

LINGER_SECONDS = 5.0
FAREWELL_SECONDS = 1.0
"""The same for a connection that is refused before its first request."""
# Where the end of a request is in doubt, the bytes after it must not be read as another request.
CLOSE: Mapping[str, str] = {"Connection": "close"}

PRIVATE: Mapping[str, str] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
"""On every answer of the gateway's own."""


class BadAddress(Problem):
    status, code = 400, "bad_address"


class BadFraming(Problem):
    status, code = 400, "bad_framing"
    headers = CLOSE


class BodyIncomplete(Problem):
    status, code = 400, "body_incomplete"
    headers = CLOSE


class NoSuchEndpoint(Problem):
    status, code = 404, "no_such_endpoint"


class ClientSlow(Problem):
    status, code = 408, "client_slow"
    headers = CLOSE


class AddressTooLong(Problem):
    status, code = 414, "address_too_long"


class TooManyConnections(Problem):
    """Of one client address."""

    status, code = 429, "too_many_connections"
    headers: Mapping[str, str] = {"Retry-After": "5"}


class TooManyHalfSent(Problem):
    """Half-sent requests of one client address; this one was the oldest."""

    status, code = 429, "too_many_half_sent"
    headers: Mapping[str, str] = {"Retry-After": "5", **CLOSE}


class TooManyAtOnce(Problem):
    """Requests of one client address at one service."""

    status, code, limit = 429, "too_many_at_once", "requests_per_address"
    headers: Mapping[str, str] = {"Retry-After": "1"}


class TooManyTransfers(Problem):
    """Long uploads and downloads of one client address at one service."""

    status, code, limit = 429, "too_many_transfers", "transfers_per_address"
    headers: Mapping[str, str] = {"Retry-After": "5"}


class HeadersTooLarge(Problem):
    status, code = 431, "headers_too_large"


class ServiceBroken(Problem):
    status, code = 502, "service_broken"


class ServiceAbsent(Problem):
    status, code = 503, "service_absent"
    headers: Mapping[str, str] = {"Retry-After": "3"}


class ServiceBusy(Problem):
    status, code = 503, "service_busy"
    headers: Mapping[str, str] = {"Retry-After": "1"}


class TransfersBusy(Problem):
    status, code = 503, "transfers_busy"
    headers: Mapping[str, str] = {"Retry-After": "5"}


class ConnectionsExhausted(Problem):
    """Of all clients together."""

    status, code = 503, "connections_exhausted"
    headers: Mapping[str, str] = {"Retry-After": "5"}


class ServiceSlow(Problem):
    status, code = 504, "service_slow"


def rendered(
    problem: Problem,
    request_id: str,
    accept_language: str,
    accept: str = "",
    *,
    by_oauth: bool = False,
    is_read: bool = False,
) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Headers and body of the answer to a refused request: a page for a browser that opens an address."""
    language = preferred_language(accept_language)
    content = {**problem.render(language), "instance": f"urn:myili:request:{request_id}"}
    described = {"Content-Type": MEDIA_TYPE, "Content-Language": language, "Vary": "Accept-Language, Accept"}
    if by_oauth:
        content, described = oauth_error(problem, request_id), {"Content-Type": "application/json"}
    body = json.dumps(content, ensure_ascii=False).encode()
    if not by_oauth and refusal_pages.accepts_pages(accept):
        body = refusal_pages.page(problem, content, language, request_id, is_read=is_read)
        described |= {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": refusal_pages.POLICY}
    headers = {
        **described,
        "Content-Length": str(len(body)),
        "X-Request-ID": request_id,
        **PRIVATE,
        **problem.headers,
    }
    return [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in headers.items()], body


async def send_refusal(
    problem: Problem, answer: tuple[list[tuple[bytes, bytes]], bytes], *, receive: Receive, send: Send, linger: bool
) -> None:
    """Answer a refused request; `linger` closes, after a delay, the connection of a client that may still send much."""
    headers, body = answer
    if linger and "Connection" not in problem.headers:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    if linger:
        await _drain(receive)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    # Closing while the client still sends would reset its connection and lose the answer, which is already sent. So
    # for a moment the rest is read and discarded.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while (await receive()).get("more_body", False):
                pass
