"""One HTTP/1.1 connection to a service: keep-alive, streaming, and nothing more.

A general client library costs several times the rest of a small request; here one protocol object is parser,
buffer and pool entry in one. Bodies are never held whole: reading pauses while more than `HIGH_WATER` waits for the
client, and writing pauses while the service does not read.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable
from http import HTTPStatus
from typing import ClassVar, cast

import httptools

HIGH_WATER = 64 * 1024
MAX_HEAD_BYTES = 64 * 1024
LAST_STATUS = 599
_MOST_UNREAD_PIECES = 16

Header = tuple[bytes, bytes]


class UpstreamError(Exception):
    """The service did not answer as it should; the text is for the log, never for the client."""

    kind: ClassVar[str]


class AbsentError(UpstreamError):
    """No connection could be made, so nothing was sent."""

    kind = "absent"


class BusyError(UpstreamError):
    """All connections the gateway allows itself to this service stayed in use."""

    kind = "busy"


class TransfersBusyError(UpstreamError):
    """The same for those of long uploads and downloads; a download's request may already be carried out."""

    kind = "transfers_busy"


class SlowError(UpstreamError):
    """Nothing moved for as long as the operation allows."""

    kind = "slow"


class BrokenError(UpstreamError):
    """The connection ended early, or what came was not HTTP."""

    kind = "broken"


class StaleError(BrokenError):
    """A kept connection turned out to be closed when it was used again, before any byte of an answer."""


class Connection(asyncio.Protocol):
    """One connection to a service, carrying one request and its answer at a time.

    `begin`, `write`… and `finish` send the request; `answer` and then `read` until it is empty take the answer.
    """

    def __init__(self, on_lost: Callable[["Connection"], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_lost = on_lost
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport
        self._carried = 0
        self._active = False
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._write_paused = False
        self._read_paused = False
        self.idle_since = 0.0

    # The request.

    def begin(self, head: bytes, *, patience: float, without_body: bool) -> None:
        """Send a request's head. With `without_body` the answer has no body whatever its head says (HEAD)."""
        self._carried += 1
        self._active = True
        self._patience = patience
        self._without_body = without_body
        self._sent = self._got_bytes = self._interim = self._framed = self._keep_alive = self._complete = False
        self._status = 0
        self._unused_bytes = 0
        self._headers: list[Header] = []
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._transport.write(head)

    async def write(self, data: bytes) -> None:
        """Send a piece of the body, and wait while the service is not taking it."""
        if self._error is not None:
            raise self._error
        if self._transport.is_closing():
            raise BrokenError("closed while the request was being sent")
        self._transport.write(data)
        while self._write_paused and self._error is None:
            self._writer = self._loop.create_future()
            await self._within_patience(self._writer)
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """The whole request is sent: from now on it is the service that is waited for."""
        self._sent = True
        if not self._status and self._error is None:
            self._timer = self._loop.call_later(self._patience, self._on_timeout)

    # The answer.

    async def answer(self) -> tuple[int, list[Header]]:
        """Status and headers, as soon as they are complete; the body may still be on its way."""
        while not self._status:
            if self._error is not None:
                raise self._error
            self._reader = self._loop.create_future()
            await self._reader
        return self._status, self._headers

    async def read(self) -> bytes:
        """The next piece of the body; empty once it is complete."""
        while not self._body and not self._complete:
            if self._error is not None:
                raise self._error
            self._reader = self._loop.create_future()
            await self._within_patience(self._reader)
        data = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        self._body_bytes = 0
        if self._read_paused:
            self._read_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()
        return data

    @property
    def drained(self) -> bool:
        """Whether the answer is complete and all of it has been read."""
        return self._complete and not self._body

    @property
    def reusable(self) -> bool:
        """Whether request and answer both ended where their framing says, so that a next request may follow."""
        whole = self._sent and self._complete and self._error is None
        return whole and self._keep_alive and not self._write_paused and not self._transport.is_closing()

    def rest(self) -> None:
        """Wait for the next request: data that arrives meanwhile breaks the connection."""
        self._active = False
        self.idle_since = self._loop.time()

    def fail(self, error: Exception) -> None:
        """Close the connection; a waiter gets `error`."""
        if self._error is None:
            self._error = error
        self._wake()
        self.abort()

    def abort(self) -> None:
        self._stop_timer()
        self._transport.abort()

    # asyncio's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A stream protocol gets no other kind; uvloop's has the methods but is no subclass.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not self._active:
            self.abort()
            return
        self._got_bytes = True
        # What the parser makes neither a head nor a body of piles up in it; a header counts when its line has ended.
        self._unused_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(BrokenError(f"not understood: {type(error).__name__}"))
        if self._unused_bytes > MAX_HEAD_BYTES:
            self.fail(BrokenError("headers too large"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if exc is not None and self._active and self._error is None:
            self._take_unread_answer()
        if self._active and not self._complete and self._error is None:
            if self._status and not self._framed and exc is None:
                self._complete = True  # without Content-Length and chunks, the end of the connection ends the body
            elif self._carried > 1 and not self._got_bytes:
                self._error = StaleError("a kept connection was closed")
            else:
                self._error = BrokenError("closed before the end of the answer")
        self._write_paused = False
        self._wake()
        self._on_lost(self)

    def _take_unread_answer(self) -> None:
        """Read what the service sent before it reset the connection, as it does when it closes without reading a body.

        A reset that arrives while we write makes the event loop close its side without reading first.
        """
        with contextlib.suppress(OSError):
            descriptor = self._transport.get_extra_info("socket").fileno()
            for _ in range(_MOST_UNREAD_PIECES):
                if not (data := os.read(descriptor, HIGH_WATER)):
                    break
                self.data_received(data)

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    # The parser's calls.

    def on_message_begin(self) -> None:
        if self._complete:
            self._keep_alive = False  # a second answer to one request: this connection cannot be trusted

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in {b"content-length", b"transfer-encoding"}:
            self._framed = True
            if name == b"transfer-encoding" and value.lower() != b"chunked":
                raise BrokenError("a transfer coding that was not asked for")
        if not self._status:  # later ones are trailers, which are not passed on
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._unused_bytes = 0
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status < HTTPStatus.OK:
            self._interim = True
            self._headers = []
            return
        if status > LAST_STATUS:
            raise BrokenError("impossible status")
        self._stop_timer()
        self._status = status
        self._keep_alive = self._parser.should_keep_alive() and not self._without_body
        self._complete = self._without_body
        self._wake()

    def on_body(self, data: bytes) -> None:
        self._unused_bytes = 0
        if self._complete:
            return
        self._body.append(data)
        self._body_bytes += len(data)
        if self._body_bytes > HIGH_WATER and not self._read_paused:
            self._read_paused = True
            self._transport.pause_reading()
        self._wake()

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            return
        self._complete = True
        self._wake()

    # Waiting.

    def _wake(self) -> None:
        for waiter in (self._reader, self._writer):
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    async def _within_patience(self, waiter: asyncio.Future[None]) -> None:
        timer = self._loop.call_later(self._patience, self._on_timeout)
        try:
            await waiter
        finally:
            timer.cancel()

    def _on_timeout(self) -> None:
        self.fail(SlowError(f"nothing moved for {self._patience} s"))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
