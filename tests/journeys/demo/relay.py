"""The proxy in front of a company's server. It keeps the postings that pass through it."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_OF_ONE_CONNECTION = {"host", "connection", "content-length", "transfer-encoding"}


@dataclass(frozen=True)
class Passed:
    headers: dict[str, str]
    body: bytes


class Relay:
    def __init__(self, server: str) -> None:
        self.postings: list[Passed] = []
        self._server = server
        self._listener = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._listener.server_port}"

    @contextlib.contextmanager
    def running(self) -> Iterator["Relay"]:
        thread = threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self._listener.shutdown()
            self._listener.server_close()
            thread.join()

    def pass_on(self, method: str, path: str, passed: Passed) -> httpx.Response:
        if path == "/postings":
            self.postings.append(passed)
        try:
            return httpx.request(
                method, f"{self._server}{path}", headers=passed.headers, content=passed.body, timeout=15
            )
        except httpx.TransportError:
            return httpx.Response(502)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._pass_on()

            def do_POST(self) -> None:
                self._pass_on()

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                kept = {name: value for name, value in self.headers.items() if name.lower() not in _OF_ONE_CONNECTION}
                answer = relay.pass_on(self.command, self.path, Passed(kept, body))
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("content-type", "application/json"))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
