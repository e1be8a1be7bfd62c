"""Digests of uploaded content (RFC 9530): content that does not match its announced digest is refused."""

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator, Mapping

from kit.uploads.refusals import BadHeader, DigestMismatch

_SHA256 = re.compile(r"(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/=]*):\s*(?:;[^,]*)?(?=,|$)")
_BYTES = 32


def sha256_in(headers: Mapping[str, str], name: str) -> str | None:
    """The SHA-256 of a digest header in hexadecimal; other algorithms are ignored.

    Raises:
        BadHeader
    """
    found = set(_SHA256.findall(headers.get(name.lower(), "")))
    if not found:
        return None
    try:
        digest = base64.b64decode(found.pop(), validate=True)
    except binascii.Error:
        raise BadHeader(header=name) from None
    if found or len(digest) != _BYTES:  # two that differ: another reader would take the other one
        raise BadHeader(header=name)
    return digest.hex()


async def digested(pieces: AsyncIterator[bytes], sha256: str | None) -> AsyncIterator[bytes]:
    """The pieces; raises at the end if their digest differs.

    Raises:
        DigestMismatch
    """
    digest = hashlib.sha256()
    async for piece in pieces:
        digest.update(piece)
        yield piece
    if sha256 is not None and digest.hexdigest() != sha256:
        raise DigestMismatch
