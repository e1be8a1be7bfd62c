"""Digests of uploaded content (RFC 9530): content that does not match its announced digest is refused."""

import base64
import binascii
import hashlib
import re
from collections.abc import AsyncIterator, Mapping

from kit.uploads.refusals import BadHeader, DigestMismatch

_KEY = r"[a-z*][a-z0-9_.*-]*"
_MEMBER = rf"{_KEY}=:[A-Za-z0-9+/=]*:(?:; *{_KEY}(?:=[^,;]*)?)*"
_DIGESTS = re.compile(rf"{_MEMBER}(?:[ \t]*,[ \t]*{_MEMBER})*")
_SHA256 = re.compile(r"(?:^|,)[ \t]*sha-256=:([^:]*):")
_BYTES = 32


def sha256_in(headers: Mapping[str, str], name: str) -> str | None:
    """The SHA-256 of a digest header in hexadecimal; other algorithms are ignored.

    Raises:
        BadHeader: it is no dictionary of digests, so that what the sender says would go unread, or has two that differ.
    """
    value = headers.get(name.lower())
    if value is None:
        return None
    if not _DIGESTS.fullmatch(value.strip(" \t")):
        raise BadHeader(header=name)
    found = set(_SHA256.findall(value))
    if not found:
        return None
    try:
        digest = base64.b64decode(found.pop(), validate=True)
    except binascii.Error:
        raise BadHeader(header=name) from None
    if found or len(digest) != _BYTES:  # two that differ: another reader would take the other one
        raise BadHeader(header=name)
    return digest.hex()


def fitting(pieces: AsyncIterator[bytes], headers: Mapping[str, str], *names: str) -> AsyncIterator[bytes]:
    """The pieces of a body that is a whole file; they raise at the end if they do not fit one of these headers.

    Raises:
        BadHeader
    """
    for name in names:
        if sha256 := sha256_in(headers, name):
            pieces = digested(pieces, sha256)
    return pieces


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
