"""Entity tags (RFC 9110, sections 8.8.3 and 13): no lost updates, no transfer of an unchanged state."""

import hashlib
import re
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import BaseModel

from chassis.problems import Problem

IfMatch = Annotated[str | None, Header(max_length=1000, description="The ETag of the state that was read.")]
IfNoneMatch = Annotated[str | None, Header(max_length=1000, description="The ETag of what the client has.")]

# One element of a list: a comma within the quotes of a tag separates nothing.
_ELEMENT = re.compile(r'(?:[^,"]|"[^"]*")+')


class EditedMeanwhile(Problem):
    status, code = 412, "edited_meanwhile"


class IfMatchMissing(Problem):
    status, code = 428, "if_match_missing"


NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "What the client has (If-None-Match) is still right."}
}


def etag_of(revision: int) -> str:
    return f'"{revision}"'


def etag_of_content(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def cacheable(request: Request, answer: BaseModel, *, seconds: int) -> Response:
    """A public answer with its ETag, or 304 when the client has it (RFC 9111)."""
    return unless_known(request.headers.get("if-none-match"), answer, seconds=seconds)


def unless_known(if_none_match: str | None, answer: BaseModel, *, seconds: int) -> Response:
    """As `cacheable`, for operations that declare the header as a parameter."""
    body = answer.model_dump_json().encode()
    etag = etag_of_content(body)
    headers = {"ETag": etag, "Cache-Control": f"public, max-age={seconds}"}
    if is_known(if_none_match, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def require_unchanged(if_match: str | None, etag: str) -> None:
    """Refuse a change that is based on another state.

    Raises:
        EditedMeanwhile: `If-Match` was sent and names another state; without the header there is nothing to compare.
    """
    # If-Match compares strongly: a weak tag never matches.
    if if_match is not None and if_match.strip() != "*" and etag not in _tags(if_match):
        raise EditedMeanwhile


def require_version(if_match: str | None, version: int) -> None:
    """Refuse a change that names no state, or another one.

    Raises:
        IfMatchMissing, EditedMeanwhile
    """
    if if_match is None:
        raise IfMatchMissing
    require_unchanged(if_match, etag_of(version))


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this state already, so that the answer is 304."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in {tag.removeprefix("W/") for tag in _tags(if_none_match)}


def _tags(header: str) -> set[str]:
    return {element.strip() for element in _ELEMENT.findall(header)}
