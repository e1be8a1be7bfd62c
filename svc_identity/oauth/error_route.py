"""Answers clients of OAuth with the errors of RFC 6749 where the service would answer with a problem."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from chassis.db import is_connection_lost
from chassis.problems import BadRequest, ContentTooLarge, InternalError, Problem, TryLater
from chassis.telemetry import log, request_id
from kit.oauth_errors import oauth_error

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ErrorRoute(APIRoute):
    """A route whose refusals are all OAuth errors, also of what is no form and of forms that are too large."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except Exception as error:  # noqa: BLE001 - whatever it is, the client reads OAuth errors only
                problem = _problem_of(error)
                problem.record()
                return JSONResponse(oauth_error(problem, request_id()), problem.status, dict(problem.headers))

        return answer


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return ContentTooLarge() if error.status_code == ContentTooLarge.status else BadRequest()
    if is_connection_lost(error):
        log.warning("dependency_lost", error=type(error).__name__)
        return TryLater()
    log.error("request_failed", error=type(error).__name__, exc_info=error)
    return InternalError()
