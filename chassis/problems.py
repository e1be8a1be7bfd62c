"""Refusals: an exception class with a status and a stable code, answered as RFC 9457 problem+json.

The texts are in `messages/<language>.json` of each package (`{code: {"title": …, "detail": …}}`), so that a language is
added by adding files. `detail` may insert values of the refusal: `"{amount_fen} fen …"`. `invalid_request` also holds
the reasons for single values, keyed by the type of Pydantic's error or by the English message of our own validator.
"""

import importlib
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.db import is_connection_lost
from chassis.telemetry import log, request_id
from chassis.text import nearest_tag

DEFAULT_LANGUAGE = "zh"
MEDIA_TYPE = "application/problem+json"

Status = TypeVar("Status", bound=StrEnum)


SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "Further members say what the code needs: a limit, a state, where a fault is.",
    "properties": {
        "type": {"type": "string", "description": "urn:myili:problem:<code>"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do about it."},
        "code": {"type": "string", "description": "Stable; decide by this one."},
        "instance": {"type": "string", "description": "urn:myili:request:<id>: quote it when asking for help."},
        "errors": {
            "type": "array",
            "description": "Of invalid_request: where each fault is, and why it is one.",
            "items": {
                "type": "object",
                "properties": {"at": {"type": "string"}, "reason": {"type": "string"}},
                "required": ["at", "reason"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code"],
}


class Problem(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """A refusal; subclasses set `status` and `code`, and callers pass the values for the message.

    The values also become members of the answer, so they never hold personal data or secrets.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    headers: Mapping[str, str] = {}

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - any JSON value
        super().__init__(self.code)
        self.values = values

    def render(self, language: str) -> dict[str, Any]:
        spoken = words(self.code, type(self).__module__.partition(".")[0], language)
        return {
            "type": f"urn:myili:problem:{self.code}",
            "title": spoken["title"],
            "status": self.status,
            "detail": spoken["detail"].format_map(_Values(self.values, language)),
            "code": self.code,
            **self.values,
        }


class _Values(dict[str, Any]):
    """The values of a message; a list is joined as the language writes lists."""

    def __init__(self, values: Mapping[str, Any], language: str) -> None:
        super().__init__(values)
        self._comma = words("punctuation", "chassis", language)["comma"]

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - any JSON value
        value = self.get(key, f"{{{key}}}")
        return self._comma.join(f"{part}" for part in value) if isinstance(value, list | tuple | set) else value


class MalformedJson(Problem):
    status, code = 400, "malformed_json"


class InvalidRequest(Problem):
    status, code = 422, "invalid_request"


class UnsupportedMediaType(Problem):
    status, code = 415, "unsupported_media_type"


class ContentTooLarge(Problem):
    status, code = 413, "content_too_large"


class NotFound(Problem):
    status, code = 404, "not_found"


class MethodNotAllowed(Problem):
    status, code = 405, "method_not_allowed"


class BadRequest(Problem):
    status, code = 400, "bad_request"


class InternalError(Problem):
    status, code = 500, "internal_error"


class IllegalMove(Problem):
    """A status change that is not in a TRANSITIONS table; `current` and `wanted` are its two statuses."""

    status, code = 409, "illegal_move"


def checked_move(transitions: Mapping[Status, set[Status]], current: Status, wanted: Status) -> Status:
    """Return the wanted status if the transition is allowed.

    Raises:
        IllegalMove
    """
    if wanted not in transitions[current]:
        raise IllegalMove(current=str(current), wanted=str(wanted))
    return wanted


class TryLater(Problem):
    """The database or another dependency of this service is temporarily unavailable."""

    status, code = 503, "try_later"
    headers: Mapping[str, str] = {"Retry-After": "2"}


@cache
def catalogue(package: str) -> dict[str, dict[str, dict[str, str]]]:
    """All texts of a package, as language -> code -> title and detail."""
    root = Path(next(iter(importlib.import_module(package).__path__)))
    return {file.stem: json.loads(file.read_text("utf-8")) for file in sorted((root / "messages").glob("*.json"))}


def words(code: str, package: str, language: str) -> dict[str, str]:
    """The texts of a code in a package; Chinese where there is no translation."""
    for candidate in (language, DEFAULT_LANGUAGE):
        found = catalogue(package).get(candidate, {}).get(code)
        if found:
            return found
    return {"title": code, "detail": code}


@lru_cache(maxsize=1024)  # bounded, because clients choose the values
def preferred_language(accept_language: str, known: frozenset[str] | None = None) -> str:
    """The best of the known languages, by RFC 9110 Accept-Language weights; Chinese when none fits.

    Args:
        accept_language: the header as it came.
        known: BCP 47 tags to choose from; by default those that refusals have words in.
    """
    weighted: list[tuple[float, str]] = []
    for entry in accept_language.split(",")[:20]:
        tag, _, parameters = entry.strip().partition(";")
        weight = parameters.strip().removeprefix("q=")
        try:
            weighted.append((float(weight) if weight else 1.0, tag))
        except ValueError:
            continue
    spoken = catalogue("chassis").keys() if known is None else known
    for quality, tag in sorted(weighted, key=lambda pair: -pair[0]):
        if quality > 0 and (language := nearest_tag(tag, spoken)):
            return language
    return DEFAULT_LANGUAGE


def answer(problem: Problem, accept_language: str = "") -> JSONResponse:
    """The HTTP answer for a refusal, in the reader's language."""
    language = preferred_language(accept_language[:200])
    content = problem.render(language)
    if current := request_id():
        content["instance"] = f"urn:myili:request:{current}"
    headers = {**problem.headers, "Content-Language": language, "Vary": "Accept-Language"}
    return JSONResponse(content, problem.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every refusal of the app, its own or the framework's, a problem+json answer."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


def _answer_to(request: Request, problem: Problem) -> JSONResponse:
    return answer(problem, request.headers.get("accept-language", ""))


async def _on_problem(request: Request, error: Exception) -> JSONResponse:
    return _answer_to(request, cast("Problem", error))  # registered for this class alone


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    faults = cast("RequestValidationError", error).errors()  # registered for this class alone
    if any(fault["type"] == "json_invalid" for fault in faults):
        return _answer_to(request, MalformedJson())
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body_refused = any(fault["loc"][:1] == ("body",) for fault in faults)
    if body_refused and media_type != "application/json" and not media_type.endswith("+json"):
        return _answer_to(request, UnsupportedMediaType(expected="application/json"))
    package = getattr(request.scope.get("endpoint"), "__module__", "chassis").partition(".")[0]
    language = preferred_language(request.headers.get("accept-language", "")[:200])
    # Where and why, never the rejected value: it may be personal data.
    errors = [
        {"at": "/".join(str(part) for part in fault["loc"]), "reason": _reason(fault, package, language)}
        for fault in faults
    ]
    return _answer_to(request, InvalidRequest(errors=errors))


def _reason(fault: Mapping[str, Any], package: str, language: str) -> str:
    """Why a value is refused, in the reader's language, or in English where there is no translation."""
    values = fault.get("ctx", {})
    ours = isinstance(values.get("error"), ValueError)
    english = str(values["error"]) if ours else str(fault["msg"])
    key = english if ours else str(fault["type"])
    for owner in (package, "chassis"):
        reasons = catalogue(owner).get(language, {}).get("invalid_request", {})
        if key in reasons:
            return reasons[key].format_map(_Values(values, language))
    return english


_BY_STATUS: dict[int, type[Problem]] = {
    problem.status: problem
    for problem in (BadRequest, NotFound, MethodNotAllowed, ContentTooLarge, UnsupportedMediaType)
}


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    error = cast("HTTPException", error)  # registered for this class alone
    if error.detail == "There was an error parsing the body":  # FastAPI's text for bytes that are not UTF-8
        return _answer_to(request, MalformedJson())
    kind = _BY_STATUS.get(
        error.status_code,
        InternalError if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else BadRequest,
    )
    problem = kind()
    problem.headers = error.headers or {}
    return _answer_to(request, problem)


class LastResort:
    """ASGI middleware: an unexpected error is a 500 in the same form as every refusal.

    Starlette's own handler raises the error again after answering, and the server closes the connection without
    notice: the gateway's next request on it, which may be another client's, would fail.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched_send(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            await _unexpected(Request(scope), error)(scope, receive, send)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    if is_connection_lost(error):
        log.warning("dependency_lost", error=type(error).__name__)
        return _answer_to(request, TryLater())
    log.error("request_failed", error=type(error).__name__, exc_info=error)
    return _answer_to(request, InternalError())
