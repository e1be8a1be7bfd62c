"""A company's web server, which publishes its keys."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.svc_services.providers.connections.companies import Key, public


class Publisher:
    def __init__(self) -> None:
        self.status, self.body, self.calls = 200, b"{}", 0
        self.wait, self.release = 0.0, threading.Event()
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.calls += 1
                publisher.release.wait(publisher.wait)
                self.send_response(publisher.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(publisher.body)))
                self.end_headers()
                self.wfile.write(publisher.body)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"

    def publish(self, *keys: Key) -> None:
        self.status, self.body = 200, json.dumps({"keys": [public(key) for key in keys]}).encode()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.release.set()
    publisher.server.shutdown()
    publisher.server.server_close()
