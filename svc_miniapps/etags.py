"""Entity tags (RFC 9110, sections 8.8.3 and 13): no edit over what one has not seen, no transfer of what one has."""

from typing import Annotated

from fastapi import Header

from chassis.problems import Problem

IfMatch = Annotated[str | None, Header(max_length=1000, description="The ETag of the state that was read.")]
IfNoneMatch = Annotated[str | None, Header(max_length=1000, description="The ETag of what the client has.")]


class EditedMeanwhile(Problem):
    status, code = 412, "edited_meanwhile"


class IfMatchMissing(Problem):
    status, code = 428, "if_match_missing"


def etag_of(revision: int) -> str:
    return f'"{revision}"'


def require_unchanged(if_match: str | None, etag: str) -> None:
    """Refuse a change by someone who saw another state.

    Raises:
        EditedMeanwhile: `If-Match` was sent and names another state; without the header there is nothing to compare.
    """
    # If-Match compares strongly: a weak tag never matches.
    if if_match is not None and if_match.strip() != "*" and etag not in _tags(if_match):
        raise EditedMeanwhile


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the client already has this state, so that 304 is the answer."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or etag in {tag.removeprefix("W/") for tag in _tags(if_none_match)}


def _tags(header: str) -> set[str]:
    return {tag.strip() for tag in header.split(",")}
