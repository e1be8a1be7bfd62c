"""uvicorn's connection of a client, with the limits that uvicorn does not have.

Used as `uvicorn --http gateway.connection:ClientConnection`. uvicorn's own httptools protocol reads headers of any
size, waits for the rest of a request without a timeout, and keeps an answer for a client that does not read it. It
also answers in plain text what it cannot parse, where all our refusals are problem+json.
"""

import asyncio
from typing import cast

from starlette.datastructures import Headers
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from chassis.problems import BadRequest, Problem
from chassis.telemetry import log, well_formed_request_id
from gateway.incoming import MAX_HEADER_BYTES, MAX_HEADER_COUNT
from gateway.refusals import LINGER_SECONDS, HeadersTooLarge, rendered


class ClientConnection(HttpToolsProtocol):
    """A client's connection, closed when it is too slow or sends too much."""

    head_seconds = 15.0
    """From the first byte of a request (or of the connection) to the end of its headers."""
    stuck_seconds = 30.0
    """How long a client may read nothing of a waiting answer."""

    _refused = False
    _head_complete = False
    _unused_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None
    _stuck_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        # Headers, trailers and chunk extensions accumulate inside the parser until it reports a head or a body. It
        # reports a header line only when the line is complete, so bytes are counted, not lines.
        if self._refused:
            return
        self._unused_bytes += len(data)
        super().data_received(data)
        if not self.transport.is_closing():
            self._check_unused_bytes()

    def on_message_begin(self) -> None:
        self._head_complete = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._unused_bytes = 0
        self._head_complete = True
        self._stop_head_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unused_bytes = 0
        super().on_body(body)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stuck_timer = self.loop.call_later(self.stuck_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_stuck_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_stuck_timer()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text, replaced by a problem
        self._refuse(BadRequest())

    def _check_unused_bytes(self) -> None:
        if self._refused:
            return
        if self._unused_bytes > MAX_HEADER_BYTES:
            self._refuse(HeadersTooLarge(limit_bytes=MAX_HEADER_BYTES, limit_count=MAX_HEADER_COUNT))
        elif not self._head_complete or self.cycle.response_complete:
            self._await_head()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_stuck_timer(self) -> None:
        if self._stuck_timer is not None:
            self._stuck_timer.cancel()
            self._stuck_timer = None

    def _refuse(self, problem: Problem) -> None:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # uvicorn states this type only in a comment
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self.pipeline:
                # An answer may be in progress; a second one would be read as part of its body.
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        received = Headers(raw=self.headers or [])
        request_id = well_formed_request_id(received.get("x-request-id", ""))
        headers, body = rendered(problem, request_id, received.get("accept-language", ""))
        lines = [b"%b: %b\r\n" % header for header in (*headers, (b"connection", b"close"))]
        self.transport.write(b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body]))
        log.info("refused", problem=problem.code, status=problem.status, request_id=request_id)
        self._close_late()

    def _close_late(self) -> None:
        # Closing while the client still sends would reset its connection and lose the answer.
        self._refused = True
        self.transport.write_eof()
        self._stop_head_timer()
        self._head_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)
