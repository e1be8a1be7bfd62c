"""Refusals as OAuth errors (RFC 6749, section 5.2), which clients of a token endpoint expect instead of problems."""

import re
from http import HTTPStatus

from chassis.problems import Problem

_NOT_ALLOWED = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]+")
"""Characters that RFC 6749 does not have in an error_description."""


def oauth_error(problem: Problem, request_id: str | None) -> dict[str, str]:
    """The members of the answer; its status stays that of the problem."""
    description = _NOT_ALLOWED.sub(" ", problem.render("en")["detail"]).strip()
    instance = {"instance": f"urn:myili:request:{request_id}"} if request_id else {}
    return {"error": _code_of(problem.status), "error_description": description, **instance}


def _code_of(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS or status > HTTPStatus.INTERNAL_SERVER_ERROR:
        return "temporarily_unavailable"
    return "server_error" if status == HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request"
