"""The 12345 hotline as an HTTP server: it verifies signatures, and answers as a test wants it to."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from kit.signatures.keys import thumbprint
from kit.signatures.messages import Request, verify_request

Ticket = dict[str, Any]
Answer = Callable[[BaseHTTPRequestHandler, Ticket], None]


class HotlineDouble:
    """It gives each of our numbers one of its own, and keeps the newest revision of each ticket."""

    def __init__(self, key: RSAPublicKey) -> None:
        self.answer: Answer = self.usual
        self.received: list[Ticket] = []
        self.tickets: dict[str, Ticket] = {}
        self._keys = {thumbprint(key): key}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/platform"

    @contextlib.contextmanager
    def running(self) -> Iterator["HotlineDouble"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def number_of(self, ticket: Ticket) -> str:
        return str(ticket["hotline_number"] or f"YL-{ticket['number']}")

    def usual(self, handler: BaseHTTPRequestHandler, ticket: Ticket) -> None:
        reply(handler, 200, {"number": ticket["number"], "hotline_number": self.number_of(ticket)})

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        url = f"http://127.0.0.1:{self._server.server_port}{handler.path}"
        verify_request(self._keys, "hotline", Request("PUT", url, handler.headers), body)
        ticket: Ticket = json.loads(body)
        assert handler.path == f"/platform/tickets/{ticket['number']}"
        self.received.append(ticket)
        if ticket["revision"] >= self.tickets.get(ticket["number"], {}).get("revision", 0):
            self.tickets[ticket["number"]] = ticket
        with contextlib.suppress(ConnectionError):  # the caller has given up
            self.answer(handler, ticket)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hotline = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                hotline.take(self)

            def log_message(self, *_: object) -> None:
                return

        return Handler


def reply(handler: BaseHTTPRequestHandler, status: int, content: object) -> None:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(raw)))
    handler.end_headers()
    handler.wfile.write(raw)


def with_status(status: int) -> Answer:
    return lambda handler, ticket: reply(handler, status, {"number": ticket["number"], "hotline_number": "X1"})


def saying(**changes: Any) -> Answer:  # noqa: ANN401 - JSON
    """A right answer with members changed."""
    return lambda handler, ticket: reply(
        handler, 200, {"number": ticket["number"], "hotline_number": f"YL-{ticket['number']}"} | changes
    )


def slow(seconds: float) -> Answer:
    def wait(handler: BaseHTTPRequestHandler, ticket: Ticket) -> None:
        time.sleep(seconds)
        with_status(200)(handler, ticket)

    return wait
