"""Companies that apply, and their systems: new in each test, with valid check digits."""

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from joserfc.jwk import ECKey
from stdnum.cn.uscc import calc_check_digit
from stdnum.iso7064 import mod_11_10

from chassis.db import new_id
from chassis.testing import Tokens, once
from kit.signatures.keys import thumbprint
from kit.signatures.messages import Request, verify_request
from kit.signatures.refusals import BadSignature
from svc_services.accounts.bindings.attestations import AUDIENCE, TYPE

APPLICATIONS = "/services/v1/provider-applications"
BINDINGS = "/services/v1/account-bindings"
TARIFFS = "/services/v1/tariffs"
_serials = count(1001)  # none ends with 0000 or 9999, which mean something to the registry stand-in for a long while


def uscc(organisation: int | None = None, prefix: str = "91654002") -> str:
    """A valid code; the registry stand-in knows its company unless it ends with 0000 or 9999."""
    start = f"{prefix}{next(_serials) if organisation is None else organisation:09}"
    return start + calc_check_digit(start)


def account_number(first_nine: int) -> str:
    start = f"{first_nine:09}"
    number: str = start + mod_11_10.calc_check_digit(start)
    return number


def public_key(kid: str = "k1") -> dict[str, Any]:
    return {**ECKey.generate_key("P-256").as_dict(private=False), "kid": kid}


def application(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """A valid application with fields changed, or dropped with None."""
    usual = {
        "uscc": uscc(),
        "name": "Sample Water Company",
        "kind": "water",
        "division_codes": ["654002", "654021"],
        "jwks": {"keys": [public_key()]},
        "endpoint_url": "http://127.0.0.1:1/platform",
        "contact_phone": "13800000001",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


async def apply(api: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    answer = await api.post(APPLICATIONS, json=application(**changes), headers=once())
    assert answer.status_code == 201, answer.text
    filed: dict[str, Any] = answer.json()
    return filed


async def approved(api: httpx.AsyncClient, tokens: Tokens, **changes: Any) -> UUID:  # noqa: ANN401 - JSON
    """Apply with these fields and approve; returns the id of the provider."""
    filed = await apply(api, **changes)
    path = f"{APPLICATIONS}/{filed['application_id']}/approve"
    answer = await api.post(path, headers=tokens.staff("operator") | once())
    assert answer.status_code == 200, answer.text
    return UUID(answer.json()["provider_id"])


def attestation(tokens: Tokens, person_id: UUID, **changes: Any) -> str:  # noqa: ANN401 - claims
    """An attestation of svc_identity for an account binding, with claims changed, or dropped with None."""
    usual = {
        "typ": TYPE,
        "aud": AUDIENCE,
        "sub": str(person_id),
        "name": "张三",
        "purpose": "account_binding",
        "jti": new_id().hex,
        "exp": int(time.time()) + 300,
        "client_id": None,
        "kind": None,
        "scope": None,
        "assurance_level": None,
        "memberships": None,
    }
    return tokens.sign(**{**usual, **changes})


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it reached the provider."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content


Answer = Callable[[BaseHTTPRequestHandler, ReceivedRequest], None]


def answer_with(result: str, status: int = 200) -> Answer:
    return answer_with_bytes(json.dumps({"result": result}).encode(), status)


def answer_with_bytes(body: bytes, status: int = 200, content_encoding: str = "identity") -> Answer:
    def answer(handler: BaseHTTPRequestHandler, _: ReceivedRequest) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Content-Encoding", content_encoding)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def answer_verifying(key: RSAPrivateKey) -> Answer:
    """Knows no account, and takes what is signed by this key alone."""
    keys = {thumbprint(key.public_key()): key.public_key()}

    def answer(handler: BaseHTTPRequestHandler, request: ReceivedRequest) -> None:
        signed = Request("POST", f"http://{handler.headers['Host']}{request.path}", handler.headers)
        try:
            verify_request(keys, request.json["provider_id"], signed, request.body)
        except BadSignature:
            answer_with("refused", 401)(handler, request)
        else:
            answer_with("no_account")(handler, request)

    return answer


class ProviderSystem:
    """A provider's HTTP server that answers with `answer`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = answer_with("match")
        self.requests: list[ReceivedRequest] = []
        self.first_request = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/platform"

    @contextlib.contextmanager
    def running(self) -> Iterator["ProviderSystem"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.stop()
            thread.join()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        system = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = ReceivedRequest(self.path, dict(self.headers), body)
                system.requests.append(request)
                system.first_request.set()
                with contextlib.suppress(ConnectionError):  # the caller has given up
                    system.answer(self, request)

            def log_message(self, *_: object) -> None:
                return

        return Handler
