"""Reads and checks the head of a request, and builds the head that is forwarded to the service.

Nothing ambiguous passes: where two parsers could disagree about the path, the end of the body or the token, the
request is refused.
"""

import re
import secrets
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from chassis.problems import HeaderRepeated
from chassis.telemetry import well_formed_request_id
from chassis.text import one_line_each
from chassis.tokens import SCHEMES, TokenMissing
from gateway.refusals import AddressTooLong, BadAddress, BadFraming, HeadersTooLarge

MAX_ADDRESS_BYTES = 8 * 1024
MAX_HEADER_BYTES = 32 * 1024
MAX_HEADER_COUNT = 100
SMALL_BODY_BYTES = 64 * 1024
"""Up to this size a body is read whole before its request takes a turn."""

Header = tuple[bytes, bytes]

# RFC 9110, 7.6.1, and unregistered ones that clients still send.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# Headers that only the gateway may set; a client's are dropped.
_OWN = frozenset(
    {
        b"content-length",
        b"expect",
        b"forwarded",
        b"host",
        b"traceparent",
        b"tracestate",
        b"x-real-ip",
        b"x-request-id",
    }
)
_NOT_FORWARDED = HOP_BY_HOP | _OWN
_ONCE = frozenset({b"host", b"authorization", b"content-length", b"transfer-encoding"})
_NOTED = _ONCE | {b"accept", b"accept-language", b"connection", b"traceparent", b"tracestate", b"x-request-id"}

_HOST = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
"""RFC 9112, 3.2, without the names that no client of ours has: no user name, no percent-encoding, never empty."""
_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})|%(?:2[fF]|5[cC]|[01][0-9A-Fa-f]|7[fF])")
_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(slots=True)
class Incoming:
    """A request's head as received; `check` decides whether it may pass."""

    method: str
    raw_path: bytes
    query: bytes
    request_id: str
    noted: dict[bytes, bytes]
    repeated: bool
    contradicted: str
    """A header that may have one value and was sent with two."""
    passing: list[Header]
    header_bytes: int
    header_count: int
    http_version: str
    scheme: str
    client: str

    @property
    def accept_language(self) -> str:
        return self.noted.get(b"accept-language", b"").decode("latin-1")

    @property
    def accept(self) -> str:
        return self.noted.get(b"accept", b"").decode("latin-1")

    @property
    def content_length(self) -> int | None:
        length = self.noted.get(b"content-length", b"")
        return int(length) if length.isdigit() else None

    @property
    def has_body(self) -> bool:
        return b"transfer-encoding" in self.noted or self.noted.get(b"content-length", b"0") != b"0"

    @property
    def has_long_body(self) -> bool:
        """Whether the body is too long, or of unknown length, to be read and discarded."""
        return b"transfer-encoding" in self.noted or (self.content_length or 0) > SMALL_BODY_BYTES

    def check(self) -> None:
        """Refuse a head that is too large or ambiguous."""
        if len(self.raw_path) + len(self.query) > MAX_ADDRESS_BYTES:
            raise AddressTooLong(limit_bytes=MAX_ADDRESS_BYTES)
        if self.header_bytes > MAX_HEADER_BYTES or self.header_count > MAX_HEADER_COUNT:
            raise HeadersTooLarge(limit_bytes=MAX_HEADER_BYTES, limit_count=MAX_HEADER_COUNT)
        length, coding = self.noted.get(b"content-length"), self.noted.get(b"transfer-encoding")
        both_lengths = length is not None and coding is not None
        bad_length = length is not None and not (length.isdigit() and len(length) < 20)  # noqa: PLR2004 - 64 bits
        bad_coding = coding is not None and coding.strip().lower() != b"chunked"
        host = self.noted.get(b"host")
        bad_host = self.http_version == "1.1" if host is None else not _HOST.fullmatch(host)
        if self.repeated or both_lengths or bad_length or bad_coding or bad_host:
            raise BadFraming
        if self.contradicted:
            raise HeaderRepeated(header=self.contradicted)

    def path(self) -> str:
        """The decoded path, which every service splits into the same segments as the gateway."""
        raw = self.raw_path
        if b"%" in raw:
            if _ESCAPE.search(raw):
                raise BadAddress
            raw = unquote_to_bytes(raw)
        segments = raw.split(b"/")
        if raw[:1] != b"/" or b"\\" in raw or b".." in segments or b"." in segments or b"" in segments[1:-1]:
            raise BadAddress
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise BadAddress from None

    def access_token(self) -> str | None:
        """The access token, whose proof its service checks; None without one or with another authorisation scheme."""
        scheme, _, token = self.noted.get(b"authorization", b"").partition(b" ")
        if scheme.lower().decode("latin-1") not in SCHEMES:
            return None
        if not token.strip():
            raise TokenMissing
        return token.strip().decode("latin-1")

    def head_for(self, host: bytes, method: str) -> bytes:
        """The head to send to the service at `host`; `method` is the operation's: GET for a client's HEAD."""
        target = self.raw_path + b"?" + self.query if self.query else self.raw_path
        lines = [b"%b %b HTTP/1.1\r\nhost: %b" % (method.encode("ascii"), target, host)]
        lines += [b"%b: %b" % header for header in (*self.passing, *self._gateway_headers())]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _gateway_headers(self) -> list[Header]:
        headers = [
            (b"x-request-id", self.request_id.encode("ascii")),
            (b"x-forwarded-for", self.client.encode("ascii")),
            (b"x-forwarded-proto", self.scheme.encode("ascii")),
            *self._trace_context(),
        ]
        if (host := self.noted.get(b"host")) is not None:
            headers.append((b"x-forwarded-host", host))
        if b"transfer-encoding" in self.noted:
            headers.append((b"transfer-encoding", b"chunked"))
        elif (length := self.noted.get(b"content-length")) is not None:
            headers.append((b"content-length", length))
        return headers

    def _trace_context(self) -> list[Header]:
        received = self.noted.get(b"traceparent", b"")
        if not _TRACEPARENT.fullmatch(received):
            made = secrets.token_hex(24)
            return [(b"traceparent", f"00-{made[:32]}-{made[32:]}-01".encode("ascii"))]
        state = self.noted.get(b"tracestate")
        return [(b"traceparent", received), *([(b"tracestate", state)] if state else [])]


def read_head(scope: Scope) -> Incoming:
    """Read the head of a request in one pass, without checking it."""
    noted: dict[bytes, bytes] = {}
    passing: list[Header] = []
    lines = scope["headers"]
    headers, contradicted = one_line_each(lines)
    once = [name for name, _ in lines if name in _ONCE]
    for header in headers:
        name, value = header
        if name in _NOTED:
            noted[name] = value
        if name not in _NOT_FORWARDED and not name.startswith(b"x-forwarded-"):
            passing.append(header)
    if b"connection" in noted:
        passing = without_connection_options(passing, noted[b"connection"])
    return Incoming(
        method=scope["method"],
        raw_path=scope["raw_path"],
        query=scope["query_string"],
        request_id=well_formed_request_id(noted.get(b"x-request-id", b"").decode("latin-1")),
        noted=noted,
        repeated=len(once) != len(set(once)),
        contradicted=contradicted,
        passing=passing,
        header_bytes=sum(len(name) + len(value) for name, value in lines),
        header_count=len(lines),
        http_version=scope["http_version"],
        scheme=scope["scheme"],
        client=scope["client"][0] if scope.get("client") else "unknown",
    )


def without_connection_options(headers: list[Header], connection: bytes) -> list[Header]:
    """Drop the headers that the Connection header lists as hop-by-hop."""
    options = {option.strip().lower() for option in connection.split(b",")} - {b"keep-alive", b"close"}
    return [header for header in headers if header[0] not in options] if options else headers
