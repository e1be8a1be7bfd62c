"""Conditions and ranges of a download (RFC 9110, sections 13 and 14): one range of the bytes that the client means."""

import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header

from chassis.problems import Problem
from kit.etags import IfMatch, IfNoneMatch, is_known, require_unchanged

_BYTES = re.compile(r"bytes=[ \t]*(.+)", re.IGNORECASE)
_RANGE = re.compile(r"([0-9]{1,15})?-([0-9]{1,15})?")


class RangeNotSatisfiable(Problem):
    """The range begins behind the end of the file, or there are several: each would cost a part of its own."""

    status, code = 416, "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(size_bytes=size)
        self.headers = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}


@dataclass(frozen=True)
class Part:
    """Bytes from `start` up to but not including `end`."""

    start: int
    end: int


@dataclass(frozen=True)
class Conditions:
    """What a client sends with a request for bytes of which it may have some."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_range: str | None = None
    range: str | None = None

    def has_all(self, etag: str) -> bool:
        """Whether the client has these bytes already.

        Raises:
            EditedMeanwhile: it wants others (If-Match).
        """
        require_unchanged(self.if_match, etag)
        return is_known(self.if_none_match, etag)

    def part_of(self, etag: str, size: int) -> Part | None:
        """The part that is asked for; None for the whole file.

        Raises:
            RangeNotSatisfiable
        """
        wanted = _BYTES.fullmatch(self.range.strip()) if self.range else None
        # A part of other bytes would not fit to those the client has. A date never matches: there is none to compare.
        if wanted is None or (self.if_range is not None and self.if_range.strip() != etag):
            return None
        ranges = [each.strip() for each in wanted[1].split(",") if each.strip()]
        read = [_RANGE.fullmatch(each) for each in ranges]
        if not read or any(each is None or not (each[1] or each[2]) for each in read):
            return None  # no range at all: the field is ignored
        if len(read) > 1 or read[0] is None:
            raise RangeNotSatisfiable(size)
        return _part(read[0][1], read[0][2], size)


def _part(first: str | None, last: str | None, size: int) -> Part | None:
    if first is None:
        start, end = max(0, size - int(last or 0)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    return Part(start, end)


async def _conditions(
    if_match: IfMatch = None,
    if_none_match: IfNoneMatch = None,
    if_range: Annotated[
        str | None, Header(max_length=1000, description="Take the range only of the bytes with this ETag.")
    ] = None,
    range: Annotated[  # noqa: A002 - the name of the header
        str | None, Header(max_length=1000, description="One range of bytes; with several the answer is 416.")
    ] = None,
) -> Conditions:
    return Conditions(if_match, if_none_match, if_range, range)


WithConditions = Annotated[Conditions, Depends(_conditions)]
