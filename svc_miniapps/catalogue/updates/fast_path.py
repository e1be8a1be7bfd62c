"""Answers update checks from memory before the framework, whose work would be nine tenths of an answer (0158)."""

import re
import time
from collections import deque
from collections.abc import Container
from functools import lru_cache
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.problems import Problem
from chassis.telemetry import REQUEST_SECONDS, well_formed_request_id
from svc_miniapps.catalogue.copy import CatalogueCopy
from svc_miniapps.catalogue.entries import Catalogue
from svc_miniapps.catalogue.updates.answer import headers_and_body
from svc_miniapps.catalogue.updates.endpoints import MOST_BYTES, PATH
from svc_miniapps.catalogue.updates.schemas import MOST_APPS
from svc_miniapps.catalogue.updates.service import Phone, check_updates
from svc_miniapps.fields import LanguageTag
from svc_miniapps.packages.schemas import MAX_VERSION_CODE

_SAFE = ("GET", "HEAD", "OPTIONS")
_FEWEST = 2
"""An app has two members, and the digest as a third; a check has one more, and the language as a fourth."""
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LANGUAGE: TypeAdapter[str] = TypeAdapter(Annotated[LanguageTag, Field(max_length=35)])
_ELSEWHERE = frozenset({b"authorization", b"dpop", b"cookie", b"content-encoding", b"transfer-encoding", b"expect"})
"""Requests with one of these are the endpoint's."""
_BAD_REQUEST = 400
_SECONDS = REQUEST_SECONDS.labels("POST", PATH, 200)


class UpdateChecks:
    """ASGI middleware: answers what is in order; whatever else there is to say, the endpoint says.

    It also makes the copy of this process stale when an operation of it has changed something.
    """

    def __init__(self, app: ASGIApp, copy: CatalogueCopy) -> None:
        self.app, self.copy = app, copy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE:
            await self.app(scope, receive, send)
        elif scope["path"] != PATH:
            await self._watching(scope, receive, send)
        elif scope["method"] != "POST" or scope["query_string"] or (catalogue := self.copy.at_hand()) is None:
            await self.app(scope, receive, send)
        else:
            await self._answering(catalogue, scope, receive, send)

    async def _watching(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < _BAD_REQUEST:
                self.copy.expire()
            await send(message)

        await self.app(scope, receive, watched)

    async def _answering(self, catalogue: Catalogue, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = dict(scope["headers"])
        if not _is_plain(headers, len(scope["headers"])):
            await self.app(scope, receive, send)
            return
        received = deque([await receive()])
        while received[-1].get("more_body"):
            received.append(await receive())
        answer = _answer(catalogue, b"".join(each.get("body", b"") for each in received))
        if answer is None:
            await self.app(scope, _repeating(received, receive), send)
            return
        await _send(headers, answer, send)
        _SECONDS.observe(time.perf_counter() - started)


def _is_plain(headers: dict[bytes, bytes], lines: int) -> bool:
    """Whether nothing about the headers needs the rules of the framework: none is there twice, either."""
    length = headers.get(b"content-length", b"")
    return (
        len(headers) == lines
        and _ELSEWHERE.isdisjoint(headers)
        and headers.get(b"content-type") == b"application/json"
        and length.isdigit()
        and int(length) <= MOST_BYTES
    )


def _answer(catalogue: Catalogue, body: bytes) -> bytes | None:
    try:
        # Only names of members come again from phone to phone.
        asked = from_json(body, cache_strings="keys")
        # With a member twice there are more names than members; a space before a colon is the endpoint's, too.
        if body.count(b'":') != len(asked) + sum(map(len, asked["installed"])):
            return None
        phone = _phone(asked, catalogue.by_text)
        return None if phone is None else check_updates(catalogue, phone)
    except (ValueError, KeyError, TypeError, Problem):
        return None


def _phone(asked: dict[str, Any], known: Container[str]) -> Phone | None:
    """What a phone asks in the common forms of all values, which costs a third of a model; None for any other.

    Raises:
        ValueError, KeyError, TypeError: it is nothing like a check.
    """
    division_code, platform_version, installed = asked["division_code"], asked["platform_version"], asked["installed"]
    language = asked.get("language")
    apps = []
    for app in installed:
        app_id, version_code, sha256 = app["app_id"], app["version_code"], None
        if len(app) > _FEWEST:
            sha256 = app["sha256"]
            if len(app) > _FEWEST + 1 or (sha256 is not None and _DIGEST.fullmatch(sha256) is None):
                return None
        if type(version_code) is not int or not 1 <= version_code <= MAX_VERSION_CODE:
            return None
        if app_id not in known and _ID.fullmatch(app_id) is None:
            return None
        apps.append((app_id, version_code, sha256))
    is_common = (
        type(installed) is list
        and type(platform_version) is int
        and 1 <= platform_version <= MAX_VERSION_CODE
        and len(asked) == _FEWEST + 1 + ("language" in asked)
        and len(apps) <= MOST_APPS
        and len({app[0] for app in apps}) == len(apps)
        and (language is None or _is_language(language))
    )
    return Phone(division_code, platform_version, language, apps) if is_common else None


@lru_cache(maxsize=256)
def _is_language(tag: str) -> bool:
    try:
        _LANGUAGE.validate_python(tag)
    except ValidationError:
        return False
    return True


def _repeating(received: deque[Message], receive: Receive) -> Receive:
    """What was read already, and then what follows."""

    async def repeated() -> Message:
        return received.popleft() if received else await receive()

    return repeated


async def _send(headers: dict[bytes, bytes], answer: bytes, send: Send) -> None:
    named, body = headers_and_body(answer, headers.get(b"accept-encoding", b"").decode("latin-1"))
    request_id = well_formed_request_id(headers.get(b"x-request-id", b"").decode("latin-1"))
    lines = [
        *((name.lower().encode(), value.encode()) for name, value in named.items()),
        (b"content-length", b"%d" % len(body)),
        (b"content-type", b"application/json"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": lines})
    await send({"type": "http.response.body", "body": body})
