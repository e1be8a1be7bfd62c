"""A day's file inside an answer of UnionPay: one value, deflated, in base64."""

import base64
import binascii
import zlib
from collections.abc import AsyncIterator

from chassis.http_client import NoAnswer
from svc_payments.channels.calls import NotUnderstood

MOST_BYTES = 128 * 1024 * 1024
"""Of an answer, and of what is in it: it is signed as one text, so that it has to be in memory."""


async def whole(parts: AsyncIterator[bytes]) -> bytes:
    """An answer that is longer than others.

    Raises:
        NoAnswer: it did not come, or is longer than any.
    """
    body = bytearray()
    async for part in parts:
        body += part
        if len(body) > MOST_BYTES:
            raise NoAnswer("too_long")
    return bytes(body)


def unfolded(content: str) -> bytes:
    """The file.

    Raises:
        NotUnderstood: there is none in it, or a larger one than any.
    """
    inflating = zlib.decompressobj()
    try:
        file = inflating.decompress(base64.b64decode(content, validate=True), MOST_BYTES)
    except (binascii.Error, zlib.error):
        raise NotUnderstood("file_malformed") from None
    if not inflating.eof or inflating.unused_data:
        raise NotUnderstood("file_malformed")
    return file
