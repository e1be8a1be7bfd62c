"""uvicorn's connection of a client, with the limits that uvicorn does not have.

Used as `uvicorn --http gateway.connection:ClientConnection`. uvicorn's own httptools protocol reads headers of any
size, waits for the rest of a request without a timeout, and keeps an answer for a client that does not read it. It
takes a client that has only finished sending for one that has left, and drops the body behind an `Upgrade` header. It
also answers in plain text what it cannot parse, where all our refusals are problem+json.
"""

import asyncio
from typing import cast

import httptools
from starlette.datastructures import Headers
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from chassis.problems import BadRequest, Problem
from chassis.telemetry import log, well_formed_request_id
from chassis.text import one_line_each
from gateway.addresses import address_key
from gateway.clients import Clients, count_refused
from gateway.delivery import Delivery
from gateway.incoming import MAX_HEADER_BYTES, MAX_HEADER_COUNT
from gateway.intake import Intake
from gateway.refusals import FAREWELL_SECONDS, LINGER_SECONDS, HeadersTooLarge, TooManyHalfSent, rendered
from gateway.upgrades import head_without_upgrade, parser_after_head

MAX_PIPELINED = 64
_MOST_HEAD_PERIODS = 4


class ClientConnection(HttpToolsProtocol):
    """A client's connection, closed when it is too slow or sends too much."""

    head_seconds = 15.0
    """From the first byte of a request (or of the connection) to the end of its headers; up to four times as long for
    headers that arrive at the slowest allowed rate."""

    _admitted = False
    _ending = False
    _answering: RequestResponseCycle | None = None
    _saying_farewell = False
    _refused = False
    _head_complete = False
    _request_incomplete = False
    _half_sent = False
    _transfers = False
    _unused_bytes = 0
    _head_periods = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._clients: Clients = self.app_state["clients"]
        transport.set_protocol(Intake(self, self._clients.read_buffer))
        limits = self._clients.limits
        self._delivery = Delivery(
            transport, limits.unread_seconds, limits.bytes_per_second, count_refused("unread").inc
        )
        self._address = address_key(self.client[0] if self.client else None)
        refusal = self._clients.admit(self._address)
        if refusal is None:
            self._admitted = True
            self._await_head()
        elif self._clients.begin_farewell():
            self._saying_farewell = True
            self._answer_and_close(refusal, "", FAREWELL_SECONDS)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        # Headers, trailers and chunk extensions accumulate inside the parser until it reports a head or a body. It
        # reports a header line only when the line is complete, so bytes are counted, not lines.
        if self._refused:
            return
        self._unused_bytes += len(data)
        self._unset_keepalive_if_required()
        if not self._parse(data) or self.transport.is_closing():
            return
        if self._unused_bytes > MAX_HEADER_BYTES:
            self._refuse(HeadersTooLarge(limit_bytes=MAX_HEADER_BYTES, limit_count=MAX_HEADER_COUNT))
            return
        if not self._head_complete or self.cycle.response_complete:
            self._await_head()
        if self._half_sent != (self._request_incomplete and not self._transfers):
            self._count_half_sent()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio keeps a connection open for True
        """Keep the connection of a client that has sent whole requests and now only waits for their answers."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # uvicorn states this type only in a comment
        if self._refused or self._request_incomplete or cycle is None or cycle.response_complete:
            return False
        cycle.keep_alive = False
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._delivery.stop()
        self._request_incomplete = False
        if self._answering is not None and not self._answering.response_complete:
            # uvicorn tells only the newest of several requests that its client has left.
            self._answering.disconnected = True
            self._answering.message_event.set()
        self.pipeline.clear()
        if self._half_sent:
            self._count_half_sent()
        if self._admitted:
            self._clients.leave(self._address)
        if self._saying_farewell:
            self._clients.end_farewell()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Finish the request that is being answered, and take no other one: a client may always send more.

        uvicorn would answer each further request of a client that sends them without waiting.
        """
        self._ending = True
        self.pipeline.clear()
        if self._answering is None or self._answering.response_complete:
            self._close()
        else:
            self._answering.keep_alive = False

    # The parser's calls.

    def on_message_begin(self) -> None:
        if self._ending:
            raise ValueError("the gateway is ending")
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("more requests at once than any client sends")
        self._head_complete = False
        self._request_incomplete = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._unused_bytes = 0
        self._head_complete = True
        self._stop_head_timer()
        self._require_one_host()
        self.scope["state"]["connection"] = self
        super().on_headers_complete()
        if not self.pipeline:
            self._answering = self.cycle

    def _require_one_host(self) -> None:
        """Refuse an address with a host of its own that is not that of the Host header (RFC 9112, 3.2.2)."""
        if self.url[:1] != b"/":
            authority = self.url.partition(b"://")[2].partition(b"/")[0].partition(b"?")[0]
            if [value for name, value in self.headers if name == b"host"] != [authority]:
                raise ValueError("two hosts for one request")

    def on_body(self, body: bytes) -> None:
        self._unused_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return  # the second parser reports it
        self._request_incomplete = self._transfers = False
        super().on_message_complete()

    def _parse(self, data: bytes) -> bool:
        """Feed the parser; False where the connection was refused."""
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                rest = data[offer.args[0] :]
            except httptools.HttpParserError:
                if self._ending:
                    self._refused = True  # the answer in progress is the last one, and closes
                else:
                    self._refuse(BadRequest())
                return False
            else:
                return True
            method = self.parser.get_method()
            if method == b"CONNECT":
                self._refuse(BadRequest())
                return False
            data = head_without_upgrade(method, self.url, self.parser.get_http_version(), self.headers) + rest
            self.parser = parser_after_head(self)

    def _should_upgrade(self) -> bool:
        return False

    # The application's calls.

    @property
    def blocked(self) -> bool:
        """Whether the client takes less than is sent to it."""
        return self.flow.write_paused

    async def takes_more(self) -> bool:
        """Wait until the client has taken earlier answers; False where it has left instead."""
        if self.flow.write_paused:
            await self.flow.drain()
        return not self.transport.is_closing()

    def begin_transfer(self) -> None:
        """From now on the rest of this request counts as a long upload, not as half a request."""
        self._transfers = True
        if self._half_sent:
            self._count_half_sent()

    # Time.

    def pause_writing(self) -> None:
        super().pause_writing()
        self._delivery.watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._delivery.stop()

    def on_response_complete(self) -> None:
        following = self.pipeline[-1][0] if self.pipeline else None
        super().on_response_complete()
        if following is not None and not self.transport.is_closing():
            self._answering = following
        if self.transport.is_closing():
            self._delivery.watch()  # a close waits for the client to take what was written

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _close(self) -> None:
        self.transport.close()
        self._delivery.watch()

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_periods = 1
            self._head_timer = self.loop.call_later(self.head_seconds, self._on_head_late)

    def _on_head_late(self) -> None:
        slowest = self._clients.limits.bytes_per_second * self.head_seconds * self._head_periods
        if self._unused_bytes >= slowest and self._head_periods < _MOST_HEAD_PERIODS:
            self._head_periods += 1
            self._head_timer = self.loop.call_later(self.head_seconds, self._on_head_late)
            return
        if self._request_incomplete:
            count_refused("slow_head").inc()
        self._close()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    # Refusals.

    def _count_half_sent(self) -> None:
        self._half_sent = not self._half_sent
        if self._half_sent:
            self._clients.begin_half_sent(self._address, self)
        else:
            self._clients.end_half_sent(self._address, self)

    def give_up_half_sent(self) -> None:
        """End this connection because its address has too many half-sent requests."""
        self._count_half_sent()
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete and not self._head_complete:
            self.transport.abort()  # an earlier request is being answered; this answer would be taken for its own
        else:
            self._refuse(TooManyHalfSent())

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text, replaced by a problem
        self._refuse(BadRequest())

    def _refuse(self, problem: Problem) -> None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self.pipeline:
                # An answer may be in progress; a second one would be read as part of its body.
                self._refused = True
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        received = Headers(raw=one_line_each(self.headers or [])[0])
        request_id = well_formed_request_id(received.get("x-request-id", ""))
        log.info("refused", problem=problem.code, status=problem.status, request_id=request_id)
        self._answer_and_close(problem, request_id, LINGER_SECONDS, received.get("accept-language", ""))

    def _answer_and_close(self, problem: Problem, request_id: str, seconds: float, accept_language: str = "") -> None:
        request_id = well_formed_request_id(request_id)
        problem.record(address=self.client[0] if self.client else None, request_id=request_id)
        headers, body = rendered(problem, request_id, accept_language)
        lines = [b"%b: %b\r\n" % header for header in headers if header[0] != b"connection"]
        self.transport.write(b"".join([STATUS_LINE[problem.status], *lines, b"connection: close\r\n\r\n", body]))
        # Closing while the client still sends would reset its connection and lose the answer.
        self._refused = True
        self.transport.write_eof()
        self._stop_head_timer()
        self._head_timer = self.loop.call_later(seconds, self.transport.abort)
