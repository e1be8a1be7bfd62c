"""Requests that send bytes of an upload, of any kind."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, new_id
from chassis.problems import ContentTooLarge, UnsupportedMediaType
from kit.invariants import InvariantBrokenError
from kit.uploads.digests import sha256_in
from kit.uploads.headers import PARTIAL, completes, integer
from kit.uploads.models import Tables, U, Upload
from kit.uploads.parts import Appending
from kit.uploads.refusals import BadHeader, UploadLengthMismatch, UploadOffsetMismatch

Find = Callable[[AsyncSession], Awaitable[U]]
"""Finds the caller's upload and locks it; other callers' uploads do not exist for them."""


async def begin(
    database: Database, tables: Tables[U], upload: U, headers: Mapping[str, str], pieces: AsyncIterator[bytes]
) -> None:
    """Keep the first bytes of a new upload; there may be none.

    Raises:
        ContentTooLarge, BodyTruncated, DigestMismatch, UploadLengthMismatch: as for what is appended.
    """
    if upload.appender is None:
        raise InvariantBrokenError("a new upload has no appender")
    appending = Appending(database, tables, upload.id, upload.appender, 0)
    await appending.take(pieces, sha256_in(headers, "Content-Digest"))


async def append(
    database: Database, tables: Tables[U], find: Find[U], headers: Mapping[str, str], pieces: AsyncIterator[bytes]
) -> bool:
    """Append to an upload. Returns whether it is complete.

    Raises:
        UnsupportedMediaType, BadHeader: the media type, the offset or the completeness is missing.
        UploadOffsetMismatch: it does not go on where the upload ends, or a later request has taken over.
        UploadLengthMismatch: the file comes out shorter or longer than was said before.
        BodyTruncated: the request was cut; what came is kept.
        DigestMismatch: what came is not what was sent; none of it is kept.
        ContentTooLarge, UploadInPieces: it cannot go on.
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != PARTIAL:
        raise UnsupportedMediaType(expected=PARTIAL)
    complete, offset = completes(headers), integer(headers, "Upload-Offset")
    if offset is None:
        raise BadHeader(header="Upload-Offset")
    async with database.transaction() as tx:
        upload = await find(tx)
        if upload.received != offset:
            raise UploadOffsetMismatch(upload.received)
        received = not upload.is_receiving
        if not received:
            upload.length = _agreed_length(upload, headers, tables.most_bytes, complete=complete)
            upload.appender = appender = new_id()
    if received:
        async for piece in pieces:
            if piece or not complete:
                raise UploadLengthMismatch(length=offset)
        return True
    appending = Appending(database, tables, upload.id, appender, offset)
    await appending.take(pieces, sha256_in(headers, "Content-Digest"))
    if complete:
        await appending.end()
    return complete


def length_in(headers: Mapping[str, str], most_bytes: int) -> int | None:
    """The total length, if a request announces it.

    Raises:
        BadHeader
        ContentTooLarge
    """
    length = integer(headers, "Upload-Length")
    if length is not None and length > most_bytes:
        raise ContentTooLarge
    return length


def _agreed_length(upload: Upload, headers: Mapping[str, str], most_bytes: int, *, complete: bool) -> int | None:
    """The total length that every request so far agrees on."""
    said = {length for length in (upload.length, length_in(headers, most_bytes)) if length is not None}
    if complete and (content := integer(headers, "Content-Length")) is not None:
        said.add(upload.received + content)
    if len(said) > 1 or any(length < upload.received for length in said):
        raise UploadLengthMismatch(length=upload.length or upload.received)
    return said.pop() if said else None
