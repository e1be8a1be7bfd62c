"""Answers a browser with a page where the service would answer a program with a problem."""

import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from chassis.db import is_connection_lost
from chassis.problems import BadRequest, Problem
from chassis.telemetry import log
from svc_identity.oauth.requests import parse
from svc_identity.sign_in import pages, ways
from svc_identity.sign_in.browser import PATH
from svc_identity.texts import choose_language

_UNPROCESSABLE, _ERROR, _UNAVAILABLE = 422, 500, 503
_OF_PAGES = (PATH, *(f"/identity/v1/oauth/{name}" for name in ("device", "end-session", "agreements")))
_NOT_AT_ALL = {"q=0", "q=0.0", "q=0.00", "q=0.000"}
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

REFUSED: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A page that says what is wrong, or a problem where no page was asked for.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}


class PageRoute(APIRoute):
    """A route whose refusals are pages for those who accept pages, and problems for the rest."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except Exception as error:
                if not _accepts_pages(request):
                    raise
                return await _page_of(request, error)

        return answer


def _accepts_pages(request: Request) -> bool:
    ranges = request.headers.get("accept", "").lower().split(",")
    parts = [[part.strip() for part in each.split(";")] for each in ranges]
    return any(each[0] == "text/html" and not _NOT_AT_ALL & set(each) for each in parts)


def answer_with_pages(app: FastAPI) -> None:
    """Answer a browser with a page also where no page is: a wrong method, or an address below those of the pages."""
    otherwise = cast("Callable[[Request, Exception], Awaitable[Response]]", app.exception_handlers[HTTPException])

    async def answer(request: Request, error: Exception) -> Response:
        if _is_of_pages(request.url.path) and _accepts_pages(request):
            return await _page_of(request, error, "no_page")
        return await otherwise(request, error)

    app.add_exception_handler(HTTPException, answer)


def _is_of_pages(path: str) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in _OF_PAGES)


async def _page_of(request: Request, error: Exception, text: str = "") -> Response:
    status = _status_of(error)
    fields = await _readable_fields(request)
    of_app = dict(parse_qsl(fields.get("request", ""))) or fields
    language = choose_language(of_app.get("ui_locales", ""), request.headers.get("accept-language", ""))
    of_app_itself = request.url.path == PATH
    text = text or ("unavailable" if status >= _ERROR else "bad_request" if of_app_itself else "unreadable")
    answer = pages.refusal_page(language, text, _way_on(request, fields), status=status)
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _status_of(error: Exception) -> int:
    """The status of an error, recorded as it would be without a page."""
    if isinstance(error, Problem):
        error.record()
        return error.status
    if isinstance(error, RequestValidationError):
        return _UNPROCESSABLE
    if isinstance(error, HTTPException):
        return error.status_code
    if is_connection_lost(error):
        log.warning("dependency_lost", error=type(error).__name__)
        return _UNAVAILABLE
    log.error("request_failed", error=type(error).__name__, exc_info=error)
    return _ERROR


async def _readable_fields(request: Request) -> Mapping[str, str]:
    """What can be read of a query or form that is refused, for its language and its way on."""
    encoded = request.url.query
    if request.method == "POST":
        with contextlib.suppress(HTTPException):  # too large
            encoded = (await request.body()).decode(errors="replace")
    return dict(parse_qsl(encoded, errors="replace"))


def _way_on(request: Request, fields: Mapping[str, str]) -> ways.WayOn:
    if way_on := ways.to_form_of(request.url.path):
        return way_on
    with contextlib.suppress(BadRequest):
        if parse(fields.get("request", "")):
            return ways.to_phone(fields["request"])
    return ways.to_residents_app(request.app.state.issuer)
