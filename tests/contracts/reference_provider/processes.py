"""Starts the reference provider as a company would, and publishes keys as the platform does."""

import contextlib
import json
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from deploy.local.programs import LOOPBACK, Program, free_port, running
from kit.signatures.keys import public_jwks
from kit.signatures.messages import sign_request

SEED = "company"
PROVIDER_ID = "0198b5a0-0000-7000-8000-000000000001"


@dataclass
class Provider:
    """A company's server, which can be ended and started again on the same books."""

    platform: str
    folder: Path
    accounts: int = 50
    provider_id: str = PROVIDER_ID
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @contextlib.contextmanager
    def running(self) -> Iterator[httpx.Client]:
        command = [sys.executable, "-m", "contracts.reference_provider", "serve", "--port", str(self.port)]
        company = ["--state", str(self.folder), "--seed", SEED, "--accounts", str(self.accounts)]
        program = Program(
            name="reference provider",
            command=[*command, *company, *self._known_as(), "--platform", self.platform, *self.options],
            where=self.url,
            ready=self._answers,
            stop_signal=signal.SIGKILL,  # every restart in these tests is also a crash
        )
        with running(program, self.folder / "log"), httpx.Client(base_url=self.url, timeout=30) as client:
            yield client

    def register(self, provider_id: UUID) -> None:
        """Store the approved application, as the command `application` does."""
        (self.folder / "application.json").write_text(json.dumps({"provider_id": str(provider_id)}))

    def _known_as(self) -> list[str]:
        return ["--provider-id", self.provider_id] if self.provider_id else []

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/livez").is_success
        return False


class Platform:
    """Publishes the signing keys of two services, and signs with them."""

    def __init__(self) -> None:
        self.keys = {name: [new_key()] for name in ("services", "payments")}
        self.down: set[str] = set()
        self.fetches: list[str] = []
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"

    @property
    def addresses(self) -> list[str]:
        return [f"{self.url}/{name}/v1/signing-keys" for name in self.keys]

    def signed(self, url: str, body: bytes = b"", service: str = "payments", method: str = "") -> dict[str, str]:
        """The headers of a call to the company."""
        return signed_by(self.keys[service][-1], url, body, method=method)

    @contextlib.contextmanager
    def running(self) -> Iterator["Platform"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service = self.path.split("/")[1]
                platform.fetches.append(service)
                self.send_response(503 if service in platform.down else 200)
                self.end_headers()
                published = public_jwks(key.public_key() for key in platform.keys[service])
                self.wfile.write(json.dumps(published).encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def signed_by(
    key: RSAPrivateKey, url: str, body: bytes = b"", *, recipient: str = PROVIDER_ID, method: str = ""
) -> dict[str, str]:
    return sign_request(key, recipient, method or ("POST" if body else "GET"), url, body)
