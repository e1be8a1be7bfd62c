"""Refusals: an exception class with a status and a stable code, answered as RFC 9457 problem+json.

The texts are in `messages/<language>.json` of each package (`{code: {"title": …, "detail": …}}`), so that a language is
added by adding files. `detail` may insert values of the refusal: `"{amount} …"`. `invalid_request` also holds
the reasons for single values, keyed by the type of Pydantic's error or by the English message of our own validator.
"""

import importlib
import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.db import is_connection_lost
from chassis.telemetry import SecurityEvent, log, request_id
from chassis.text import one_line_each, preferred_tag

DEFAULT_LANGUAGE = "zh"
MEDIA_TYPE = "application/problem+json"

Status = TypeVar("Status", bound=StrEnum)

_SECURITY = {401: SecurityEvent("unauthenticated"), 403: SecurityEvent("forbidden"), 429: SecurityEvent("rate_limited")}


class Problem(Exception):  # noqa: N818 - a refusal is an answer, not an error of the program
    """A refusal; subclasses set `status` and `code`, and callers pass the values for the message.

    The values also become members of the answer, so they never hold personal data or secrets.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    headers: Mapping[str, str] = {}
    security: ClassVar[SecurityEvent | None] = None
    """What it is in the security log, where its status does not say so."""

    def __init__(self, **values: Any) -> None:  # noqa: ANN401 - any JSON value
        super().__init__(self.code)
        self.values = values

    def record(self, **ids: object) -> None:
        """Write a refusal for reasons of identity, permission or rate to the security log."""
        if event := self.security or _SECURITY.get(self.status):
            event.record(self.code, **ids)

    def render(self, language: str) -> dict[str, Any]:
        spoken = words(self.code, type(self).__module__.partition(".")[0], language)
        return {
            "type": f"urn:myili:problem:{self.code}",
            "title": spoken["title"],
            "status": self.status,
            "detail": spoken["detail"].format_map(Values(self.values, language)),
            "code": self.code,
            **self.values,
        }


class Values(dict[str, Any]):
    """The values of a message. Arabic text isolates them (U+2068, U+2069), else 2026-01-31 is read 31-01-2026 in it."""

    def __init__(self, values: Mapping[str, Any], language: str) -> None:
        super().__init__(values)
        self._marks = words("punctuation", "chassis", language)

    def __getitem__(self, key: str) -> str:
        value = self.get(key, f"{{{key}}}")
        shown = self._marks["comma"].join(map(str, value)) if isinstance(value, list | tuple | set) else value
        return self._marks["value"].format(shown)


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


class HeaderRepeated(Problem):
    """A field of one value was sent with two, of which one reader would take the first and another the last."""

    status, code = 400, "header_repeated"


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


def preferred_language(accept_language: str) -> str:
    """The reader's language of those that refusals have words in; Chinese when none fits."""
    return preferred_tag(accept_language, catalogue("chassis").keys(), DEFAULT_LANGUAGE)


def answer(problem: Problem, accept_language: str = "") -> JSONResponse:
    """The HTTP answer for a refusal, in the reader's language."""
    language = preferred_language(accept_language)
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
    problem = cast("Problem", error)  # registered for this class alone
    problem.record()
    return _answer_to(request, problem)


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    faults = cast("RequestValidationError", error).errors()  # registered for this class alone
    if any(fault["type"] == "json_invalid" for fault in faults):
        return _answer_to(request, MalformedJson())
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body_refused = any(fault["loc"][:1] == ("body",) for fault in faults)
    if body_refused and media_type != "application/json" and not media_type.endswith("+json"):
        return _answer_to(request, UnsupportedMediaType(expected="application/json"))
    package = getattr(request.scope.get("endpoint"), "__module__", "chassis").partition(".")[0]
    language = preferred_language(request.headers.get("accept-language", ""))
    # Where and why, never the rejected value: it may be personal data.
    errors = [
        {"at": "/".join(str(part) for part in fault["loc"]), "reason": _reason(fault, package, language)}
        for fault in faults
    ]
    return _answer_to(request, InvalidRequest(errors=errors))


def _reason(fault: Mapping[str, Any], package: str, language: str) -> str:
    """Why a value is refused: in the reader's language, else in Chinese, else in English, which is the key itself."""
    values = fault.get("ctx", {})
    ours = isinstance(values.get("error"), ValueError)
    english = str(values["error"]) if ours else str(fault["msg"])
    of_text = "string_" if isinstance(fault.get("input"), str) and fault["type"] in {"too_short", "too_long"} else ""
    key = english if ours else f"{of_text}{fault['type']}"
    spoken = (language,) if language == "en" else (language, DEFAULT_LANGUAGE)
    for each, owner in product(spoken, (package, "kit", "chassis")):
        reasons = catalogue(owner).get(each, {}).get("invalid_request", {})
        if key in reasons:
            return reasons[key].format_map(Values(values, language)).replace("' or '", "', '")  # of Pydantic
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
    """ASGI middleware: an unexpected error is a 500 in the same form as every refusal; headers are in one line each.

    Starlette's own handler raises the error again after answering, and the server closes the connection without
    notice: the gateway's next request on it, which may be another client's, would fail.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["headers"], contradicted = one_line_each(scope.get("headers", ()))
        if contradicted:
            await _answer_to(Request(scope), HeaderRepeated(header=contradicted))(scope, receive, send)
            return
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
