"""Request bodies, with a cut one recognised."""

from collections.abc import AsyncIterator

from fastapi import Request
from starlette.requests import ClientDisconnect

from kit.uploads.refusals import BodyTruncated


async def whole_body(request: Request) -> AsyncIterator[bytes]:
    """The body of a request piece by piece.

    Raises:
        BodyTruncated: less came than was announced.
    """
    count = 0
    try:
        async for piece in request.stream():
            count += len(piece)
            yield piece
    except ClientDisconnect:
        raise BodyTruncated from None
    announced = request.headers.get("content-length")
    if announced is not None and count != int(announced):
        raise BodyTruncated
