"""Starts the stand-ins as the launcher does, and listens where they call."""

import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import httpx

from deploy.local.programs import LOOPBACK, Program, free_port, running


@dataclass
class Sandbox:
    """A stand-in whose process can be ended and started again on the same state and port."""

    name: str
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @contextlib.contextmanager
    def running(self) -> Iterator[httpx.Client]:
        factory = f"deploy.local.sandboxes.{self.name}:create_app"
        command = [sys.executable, "-m", "uvicorn", "--factory", factory]
        program = Program(
            name=self.name,
            command=[*command, "--host", LOOPBACK, "--port", str(self.port)],
            where=self.url,
            ready=self._answers,
            environment={**self._places(), **self.environment},
            stop_signal=signal.SIGKILL,  # every restart in these tests is also a crash
        )
        with running(program, self.log), httpx.Client(base_url=self.url, timeout=30) as client:
            yield client

    def _places(self) -> dict[str, str]:
        own = dict.fromkeys(("MYILI_CHANNEL_URL", "MYILI_INVOICES_URL"), self.url)
        return {"MYILI_SANDBOX_STATE": str(self.folder), **own}

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/readyz").is_success
        return False


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


class Listener:
    """A merchant's endpoint for notices. `answers` are given in order, the last one for ever; None: hang up."""

    def __init__(self, *answers: int | None) -> None:
        self.received: Queue[Received] = Queue()
        self._answers = list(answers)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self.port = self._server.server_port
        self.url = f"http://{LOOPBACK}:{self.port}/payments/v1/channels/sandbox/notices?from=test"

    def next(self) -> Received:
        return self.received.get(timeout=30)

    @contextlib.contextmanager
    def listening(self) -> Iterator["Listener"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _answer(self) -> int | None:
        with self._lock:
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.received.put(Received(self.path, dict(self.headers), body))
                status = listener._answer()
                if status is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                else:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden signature
                pass

        return Handler
