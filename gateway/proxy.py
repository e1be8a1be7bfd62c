"""Forwards an admitted request to its service and the answer to the client.

A small body is read whole first, so that a client that does not send takes no turn at a service; the rest of a long
body, and every answer, is a stream.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from functools import cache
from typing import Protocol

from prometheus_client import Counter, Histogram
from starlette.types import Receive, Send

from chassis.problems import ContentTooLarge, Problem
from chassis.telemetry import log
from gateway.addresses import address_key
from gateway.clients import ClientLimits, count_refused
from gateway.incoming import HOP_BY_HOP, SMALL_BODY_BYTES, Header, Incoming, without_connection_options
from gateway.pace import Pace
from gateway.refusals import (
    BodyIncomplete,
    ClientSlow,
    ServiceAbsent,
    ServiceBroken,
    ServiceBusy,
    ServiceSlow,
    TooManyAtOnce,
    TooManyTransfers,
    TransfersBusy,
)
from gateway.routing import Operation
from gateway.upstream import Lease, Upstream
from gateway.upstream_connection import (
    AbsentError,
    BusyError,
    Connection,
    SlowError,
    StaleError,
    TransfersBusyError,
    UpstreamError,
)

ANSWER_SECONDS = Histogram("myili_gateway_upstream_seconds", "Time to a service's first byte", ["service"])
FAILURES = Counter("myili_gateway_upstream_failures", "Requests that a service failed to answer", ["service", "kind"])
CLIENTS_GONE = Counter("myili_gateway_clients_gone", "Clients that left before their answer was complete", ["service"])

answer_seconds_of = cache(ANSWER_SECONDS.labels)  # a label lookup costs more than the observation

# Most answers arrive sooner; only a longer wait is worth a task that watches the client.
_WATCH_AFTER_SECONDS = 0.25
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_BODILESS_STATUSES = frozenset({204, 304})
_NOT_RETURNED = HOP_BY_HOP | {b"date", b"server", b"x-request-id"}


class ClientGoneError(Exception):
    """The client closed its connection."""


class ClientSide(Protocol):
    """The connection to the client, as far as ASGI's `receive` and `send` do not show it."""

    @property
    def blocked(self) -> bool: ...
    async def takes_more(self) -> bool: ...
    def begin_transfer(self) -> None: ...


class Exchange:
    """One request to a service, and its answer."""

    def __init__(
        self,
        upstream: Upstream,
        operation: Operation,
        incoming: Incoming,
        *,
        client: ClientSide,
        receive: Receive,
        send: Send,
        limits: ClientLimits,
    ) -> None:
        self._upstream = upstream
        self.operation = operation
        self._incoming = incoming
        self._client = client
        self._receive = receive
        self._send = send
        self._limits = limits
        self._pace = Pace(limits.client_seconds, limits.bytes_per_second)
        self.status = 0
        """The status sent to the client; 0 until then."""
        self.body_unread = incoming.has_body
        self._received = 0
        self._read_ahead: list[bytes] = []

    async def run(self) -> None:
        """Forward the request and the answer.

        Raises:
            Problem: the answer for the client, if `status` says that nothing has been sent to it yet.
        """
        service = self.operation.service
        if (self._incoming.content_length or 0) > self.operation.max_body_bytes:
            raise ContentTooLarge(limit_bytes=self.operation.max_body_bytes)
        try:
            await self._read_small_body()
            await self._attempt_twice()
        except ClientGoneError:
            CLIENTS_GONE.labels(service).inc()
        except ClientSlow:
            count_refused("slow_body").inc()
            raise
        except (TooManyAtOnce, TooManyTransfers) as refusal:
            count_refused(refusal.limit).inc()
            raise
        except UpstreamError as error:
            FAILURES.labels(service, error.kind).inc()
            log.warning(
                "upstream_failed",
                service=service,
                kind=error.kind,
                reason=str(error),
                route=self.operation.template,
                request_id=self._incoming.request_id,
                answer_begun=bool(self.status),
            )
            raise _problem_of(error, service) from error
        finally:
            self._read_ahead = []  # the refusal of a client that lingers needs none of it

    async def _attempt_twice(self) -> None:
        try:
            await self._attempt(fresh=False)
        except StaleError:
            if self._incoming.has_body or self._incoming.method not in _IDEMPOTENT:
                raise
            await self._attempt(fresh=True)

    async def _read_small_body(self) -> None:
        """Read the body whole, or the beginning of one that is not small."""
        if not await self._client.takes_more():
            raise ClientGoneError
        while self.body_unread and self._received <= SMALL_BODY_BYTES:
            self._read_ahead.append(await self._next_piece())
        if self.body_unread:
            self._client.begin_transfer()

    async def _attempt(self, *, fresh: bool) -> None:
        lease = Lease(self._upstream, address_key(self._incoming.client))
        follower: _Follower | None = None
        try:
            connection = await lease.begin(transfer=self.body_unread, slow=self.operation.is_slow, fresh=fresh)
            follower = _Follower(self, connection)
            connection.begin(
                self._incoming.head_for(self._upstream.host_header, self.operation.method),
                patience=self.operation.timeout_seconds,
                without_body=self.operation.method == "HEAD",
            )
            await follower.start()
            await self._forward_answer(connection, lease, follower)
        finally:
            if follower is not None:
                follower.stop()
            lease.end()

    async def _forward_answer(self, connection: Connection, lease: Lease, follower: "_Follower") -> None:
        started = time.perf_counter()
        status, headers = await connection.answer()
        answer_seconds_of(self.operation.service).observe(time.perf_counter() - started)
        if _is_long(headers) and not connection.drained:
            await lease.become_transfer()
        self.status = status
        start = {"type": "http.response.start", "status": status, "headers": self._returned(status, headers)}
        await self._send(start)
        more = True
        # For HEAD the server sends none of it to the client; it is read to keep the service's connection.
        while more:
            piece = await connection.read()
            more = not connection.drained
            if not more:
                follower.stop()
                lease.release()
            elif self._client.blocked:
                await lease.become_transfer()
            await self._send({"type": "http.response.body", "body": piece, "more_body": more})
        await self._client.takes_more()  # what many clients leave unread of long answers would fill the memory

    def _returned(self, status: int, headers: list[Header]) -> list[Header]:
        returned = [header for header in headers if header[0] not in _NOT_RETURNED]
        for name, value in headers:
            if name == b"connection":
                returned = without_connection_options(returned, value)
        if status in _BODILESS_STATUSES:
            # A 304 may state the length of a body that it does not have, and the server would wait for that body.
            returned = [header for header in returned if header[0] != b"content-length"]
        returned.append((b"x-request-id", self._incoming.request_id.encode("ascii")))
        return returned

    async def send_body(self, connection: Connection) -> None:
        """Forward the request's body: what was read of it, and then the rest as it arrives."""
        read_ahead, self._read_ahead = self._read_ahead, []
        for piece in read_ahead:
            await self._send_piece(connection, piece)
        while self.body_unread:
            await self._send_piece(connection, await self._next_piece())
        if self._incoming.content_length is None and self._incoming.has_body:
            await connection.write(b"0\r\n\r\n")

    async def _send_piece(self, connection: Connection, piece: bytes) -> None:
        if piece:
            chunked = self._incoming.content_length is None
            await connection.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)

    async def _next_piece(self) -> bytes:
        since = time.perf_counter()
        try:
            async with asyncio.timeout(self._pace.seconds_left):
                message = await self._receive()
        except TimeoutError:
            limits = self._limits
            raise ClientSlow(seconds=limits.client_seconds, bytes_per_second=limits.bytes_per_second) from None
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        piece: bytes = message.get("body", b"")
        self._pace.record(waited=time.perf_counter() - since, moved=len(piece))
        self.body_unread = message.get("more_body", False)
        self._received += len(piece)
        if self._received > self.operation.max_body_bytes:
            raise ContentTooLarge(limit_bytes=self.operation.max_body_bytes)
        expected = self._incoming.content_length
        if not self.body_unread and expected is not None and self._received != expected:
            raise BodyIncomplete
        return piece

    async def watch_client(self) -> None:
        """Never returns; raises when the client disconnects."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise ClientGoneError


class _Follower:
    """Follows the client while its answer is awaited: forwards its body and notices a disconnect."""

    def __init__(self, exchange: Exchange, connection: Connection) -> None:
        self._exchange = exchange
        self._connection = connection
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        if self._exchange.body_unread:
            self._run()
            return
        with contextlib.suppress(UpstreamError):  # the wait for the answer meets it too, or an early answer
            await self._exchange.send_body(self._connection)
            self._connection.finish()
        self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_SECONDS, self._run)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _run(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        try:
            if self._exchange.body_unread:
                await self._exchange.send_body(self._connection)
                self._connection.finish()
            await self._exchange.watch_client()
        except UpstreamError:
            return  # whatever awaits the answer gets the same error, or already has an early answer
        except Exception as error:  # noqa: BLE001 - any failure of the client's side must end the wait for the service
            self._connection.fail(error)


_PROBLEMS: Mapping[type[UpstreamError], type[Problem]] = {
    AbsentError: ServiceAbsent,
    BusyError: ServiceBusy,
    TransfersBusyError: TransfersBusy,
    SlowError: ServiceSlow,
}


def _is_long(headers: list[Header]) -> bool:
    return any(name == b"content-length" and int(value) > SMALL_BODY_BYTES for name, value in headers)


def _problem_of(error: UpstreamError, service: str) -> Problem:
    return _PROBLEMS.get(type(error), ServiceBroken)(service=service)
