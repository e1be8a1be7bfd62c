"""A platform that records what the company sends, and answers as a test wants."""

import contextlib
import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from deploy.local.programs import LOOPBACK

PROVIDER_ID = "0198b5a0-0000-7000-8000-000000000001"
REPORT = {"rows": 2, "accepted": 2, "refused_rows": [], "refused_rows_url": "/payments/v1/bill-files/7/refused-rows"}


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    size: int


class Answers:
    """A server that records what comes and answers each address from a list, its last answer for ever."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._answers: dict[tuple[str, str], list[tuple[int, dict[str, str], bytes]]] = defaultdict(list)
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"
        self.on(
            "GET",
            "/identity/.well-known/openid-configuration",
            {"issuer": f"{self.url}/identity", "token_endpoint": f"{self.url}/identity/v1/oauth/token"},
        )
        self.on("POST", "/identity/v1/oauth/token", {"access_token": "token-1", "expires_in": 600})

    def on(self, method: str, path: str, content: object, status: int = 200, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self._answers[method, path].append((status, headers, body))

    def forget(self, method: str, path: str) -> None:
        self._answers[method, path].clear()

    def to(self, method: str, path: str) -> list[Received]:
        return [received for received in self.received if (received.method, received.path) == (method, path)]

    @contextlib.contextmanager
    def running(self) -> Iterator["Answers"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answers = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                left = size = int(self.headers.get("Content-Length", 0))
                body, digest = b"", hashlib.sha256()
                while left:
                    part = self.rfile.read(min(left, 1 << 20))
                    digest.update(part)
                    body, left = body + part if size < 1 << 22 else b"", left - len(part)
                received = Received(self.command, self.path, dict(self.headers), body or digest.digest(), size)
                answers.received.append(received)
                possible = answers._answers[self.command, self.path]
                status, headers, content = possible.pop(0) if len(possible) > 1 else possible[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                pass

        return Handler
