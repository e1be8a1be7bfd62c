"""Calls a company's sandbox as the platform would, and as it never would, and keeps what was sent and what came."""

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from ssl import SSLContext
from typing import Any
from uuid import UUID, uuid4, uuid5

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chassis.http_client import TLS, NoAnswer, NotReached, call, outside_client
from chassis.problems import Problem
from kit.conformance.results import Exchange, Fault, Seen
from kit.json_members import members
from kit.public_addresses import Target
from kit.signatures.messages import SIGNED_SECONDS, Unsignable, sign_request

Content = Mapping[str, Any]
_SHOWN = ("result", "code", "reason", "provider_reference")
_NAME = re.compile(r"[0-9A-Za-z_-]{1,64}")
"""What is kept of an answer: names, never a sentence, which may say anything."""


@dataclass(frozen=True)
class Company:
    """Whose sandbox is called: both are what its signatures are bound to."""

    provider_id: UUID
    endpoint_url: str


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    content: Content | None = None

    @property
    def body(self) -> bytes:
        return b"" if self.content is None else json.dumps(self.content, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Twist:
    """How a call differs from one of the platform; by default not at all."""

    name: str | None = None
    unsigned: bool = False
    is_broken: bool = False
    """The signature is damaged."""
    key: RSAPrivateKey | None = None
    signed_path: str | None = None
    sent_body: bytes | None = None
    recipient: UUID | None = None
    created: int | None = None
    nonce: str | None = None
    lives_seconds: int = SIGNED_SECONDS
    without: str = ""
    """The component that the signature does not cover."""


AS_USUAL = Twist()


@dataclass(frozen=True)
class Answer:
    """What came: a status and the members of a JSON object, or the fault by which nothing usable came."""

    status: int = 0
    content: Content = field(default_factory=dict)
    fault: Fault | None = None
    milliseconds: int = 0

    @property
    def is_ok(self) -> bool:
        return self.fault is None and self.status == httpx.codes.OK


@dataclass(frozen=True)
class Prober:
    """What the platform calls with."""

    key: RSAPrivateKey
    target: Callable[[str], Awaitable[Target]]
    """The address to call, checked; it raises a Problem for one that must not be called."""
    seconds: float = 10.0
    """The time limit of every call, as in production."""
    quick_seconds: float = 5.0
    """In which an answer should come."""
    tls: SSLContext = TLS

    async def send(self, company: Company, request: Call, twist: Twist = AS_USUAL) -> Answer:
        """Send a call. Failures are faults of the answer, not exceptions."""
        begun = time.monotonic()
        try:
            async with outside_client(tls=self.tls) as client:
                sent = await self._request(client, company, request, twist)
                reply = await call(client, sent, seconds=self.seconds)
        except NotReached:
            return Answer(fault=Fault.NOT_REACHED, milliseconds=_since(begun))
        except NoAnswer:
            return Answer(fault=Fault.NO_ANSWER, milliseconds=_since(begun))
        except (Problem, httpx.InvalidURL, Unsignable, ValueError):
            return Answer(fault=Fault.ADDRESS_REFUSED, milliseconds=_since(begun))
        return Answer(reply.status, _object(reply.body), None, _since(begun))

    async def _request(self, client: httpx.AsyncClient, company: Company, request: Call, twist: Twist) -> httpx.Request:
        url = str(httpx.URL(f"{company.endpoint_url}{request.path}"))
        signed_url = str(httpx.URL(f"{company.endpoint_url}{twist.signed_path or request.path}"))
        target = await self.target(url)
        headers = self._signed(company, request, twist, signed_url)
        return client.build_request(
            request.method,
            target.url,
            content=request.body if twist.sent_body is None else twist.sent_body,
            headers={**headers, **target.headers},
            extensions=dict(target.extensions),
        )

    def _signed(self, company: Company, request: Call, twist: Twist, url: str) -> dict[str, str]:
        recipient = str(twist.recipient or company.provider_id)
        headers = sign_request(
            twist.key or self.key,
            recipient,
            request.method,
            url,
            request.body,
            created=twist.created,
            nonce=twist.nonce,
            lives_seconds=twist.lives_seconds,
            without=twist.without,
        )
        if twist.unsigned:
            return {name: value for name, value in headers.items() if not name.startswith("Signature")}
        if twist.is_broken:
            start, _, signature = headers["Signature"].partition("=:")
            headers["Signature"] = f"{start}=:{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
        return headers


class Trial:
    """One rule of one run: its calls, and the ids that are the same whenever the rule is tried again."""

    def __init__(self, prober: Prober, company: Company, run_id: UUID, rule: str, earlier: Seen | None = None) -> None:
        self.prober, self.company, self.earlier = prober, company, earlier or {}
        self.exchanges: list[Exchange] = []
        self._run_id, self._rule = run_id, rule

    def id_of(self, name: str, rule: str = "") -> UUID:
        """An id of this run, by its use; `rule` is another one whose id is meant."""
        return uuid5(self._run_id, f"{rule or self._rule}/{name}")

    async def send(self, request: Call, twist: Twist = AS_USUAL) -> Answer:
        """Send a call and keep it as evidence."""
        signed_at = int(time.time()) if twist.created is None else twist.created
        twist = replace(twist, created=signed_at, nonce=twist.nonce or uuid4().hex)
        answer = await self.prober.send(self.company, request, twist)
        self.exchanges.append(
            Exchange(
                method=request.method,
                path=request.path,
                altered=twist.name,
                sent={name: _flat(value) for name, value in (request.content or {}).items()},
                signed_at=signed_at,
                nonce=twist.nonce or "",
                status=answer.status or None,
                answer=_shown(answer.content),
                fault=answer.fault,
                milliseconds=answer.milliseconds,
            )
        )
        return answer


def _object(body: bytes) -> Content:
    """The members of an answer; none where it is no JSON object without repeated members."""
    try:
        found = json.loads(body.decode("utf-8"), object_pairs_hook=members)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _shown(content: Content) -> dict[str, str]:
    kept = {name: content[name] for name in _SHOWN if isinstance(content.get(name), str)}
    return {name: value if _NAME.fullmatch(value) else "…" for name, value in kept.items()}


def _flat(value: Any) -> str | int:  # noqa: ANN401 - JSON
    """A member that was sent, as it is kept: an object as its JSON."""
    return value if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False)


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1_000)
