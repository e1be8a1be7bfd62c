"""Public answers kept in memory for some seconds, so that a price read by everybody is computed once (RFC 9111)."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from cachetools import TTLCache
from prometheus_client import Counter
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.telemetry import REQUEST_SECONDS, well_formed_request_id
from kit.etags import is_known

SECONDS = 5.0
KEPT_BYTES = 16 * 1024 * 1024
ANSWER_BYTES = 256 * 1024
_SAFE = ("GET", "HEAD", "OPTIONS")
# Whoever sends one of these gets an answer of their own.
_OF_ONE_CALLER = frozenset({b"authorization", b"dpop", b"cookie", b"range"})
_KEPT_ANSWERS = Counter("myili_kept_answers", "Public answers that were given from memory")

Key = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer of status 200: its headers without the request id, when it was made, and what it is about."""

    headers: tuple[tuple[bytes, bytes], ...]
    etag: str
    body: bytes
    made_at: float
    tags: frozenset[str]
    measured: Any


class KeptAnswers:
    """ASGI middleware: answers that are `public` are given again for five seconds, with their `Age`.

    An unsafe operation that succeeds drops what this process keeps of its tags. What another process or the worker
    changes shows after five seconds. `max-age` counts from when the answer was made, so clients hold nothing for
    longer than before.
    """

    def __init__(self, app: ASGIApp, seconds: float = SECONDS) -> None:
        self.app = app
        self.kept: TTLCache[Key, Kept] = TTLCache(KEPT_BYTES, seconds, getsizeof=_size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["method"] not in _SAFE:
            await self._dropping(scope, receive, send)
        elif scope["method"] != "GET" or any(name in _OF_ONE_CALLER for name, _ in scope["headers"]):
            await self.app(scope, receive, send)
        elif (kept := self.kept.get(_key(scope))) is not None:
            await _give(kept, scope, send)
        else:
            await self._keeping(scope, receive, send)

    async def _keeping(self, scope: Scope, receive: Receive, send: Send) -> None:
        made_at = time.monotonic()
        start: Message | None = None

        async def watched(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            elif start is not None and not message.get("more_body"):
                self._keep(scope, start, message.get("body", b""), made_at)
            else:
                start = None  # in parts: none of our public answers is
            await send(message)

        await self.app(scope, receive, watched)

    def _keep(self, scope: Scope, start: Message, body: bytes, made_at: float) -> None:
        headers = Headers(raw=start["headers"])
        public = headers.get("cache-control", "").startswith("public,")
        if start["status"] != HTTPStatus.OK or not public or "vary" in headers or len(body) > ANSWER_BYTES:
            return
        route = scope["route"]
        self.kept[_key(scope)] = Kept(
            headers=tuple(each for each in start["headers"] if each[0].lower() != b"x-request-id"),
            etag=headers.get("etag", ""),
            body=body,
            made_at=made_at,
            tags=frozenset(route.tags),
            measured=REQUEST_SECONDS.labels("GET", route.path, 200),
        )

    async def _dropping(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < HTTPStatus.BAD_REQUEST:
                self._drop(getattr(scope.get("route"), "tags", ()))
            await send(message)

        await self.app(scope, receive, watched)

    def _drop(self, tags: Iterable[str]) -> None:
        for key in [key for key, kept in self.kept.items() if not kept.tags.isdisjoint(tags)]:
            self.kept.pop(key, None)


async def _give(kept: Kept, scope: Scope, send: Send) -> None:
    started = time.perf_counter()
    known, request_id = None, ""
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            known = value.decode("latin-1")
        elif name == b"x-request-id":
            request_id = value.decode("latin-1")
    own = (
        (b"age", b"%d" % (time.monotonic() - kept.made_at)),
        (b"x-request-id", well_formed_request_id(request_id).encode()),
    )
    unchanged = known is not None and is_known(known, kept.etag)
    status, body = (304, b"") if unchanged else (200, kept.body)
    headers = [each for each in kept.headers if not (unchanged and each[0].lower().startswith(b"content-"))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *own]})
    await send({"type": "http.response.body", "body": body})
    _KEPT_ANSWERS.inc()
    kept.measured.observe(time.perf_counter() - started)


def _key(scope: Scope) -> Key:
    return scope["path"].encode(), scope["query_string"]


def _size(kept: Kept) -> int:
    return len(kept.body) + 1024
