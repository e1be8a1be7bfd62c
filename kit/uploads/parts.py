"""The bytes of uploads, in PostgreSQL: every process of the service sees them, and acknowledged bytes are durable."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Generic
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database
from chassis.problems import ContentTooLarge, NotFound, Problem
from kit.invariants import InvariantBrokenError
from kit.uploads.digests import digested
from kit.uploads.models import Tables, U
from kit.uploads.refusals import DigestMismatch, UploadInPieces, UploadLengthMismatch, UploadOffsetMismatch

LARGEST_PART = 1024 * 1024
_KEPT_EVERY = 5.0
"""Seconds between commits; a crash loses only the bytes since the last one."""
MOST_PARTS = 20_000


async def locked(tx: AsyncSession, tables: Tables[U], upload_id: UUID) -> U:
    """The upload, locked until the transaction ends."""
    upload = await tx.get(tables.uploads, upload_id, with_for_update={"key_share": True})
    if upload is None:
        raise NotFound
    return upload


@dataclass
class Appending(Generic[U]):
    """One request that appends. Each part is committed by itself, so that a cut request loses only its last bytes."""

    database: Database
    tables: Tables[U]
    upload_id: UUID
    appender: UUID
    offset: int

    async def take(self, pieces: AsyncIterator[bytes], sha256: str | None) -> None:
        """Keep the bytes received, also when the request is cut.

        Args:
            pieces: the content of the request.
            sha256: what it should come to; if it does not, none of it is kept.

        Raises:
            UploadOffsetMismatch: another request has taken over.
            UploadLengthMismatch, ContentTooLarge, UploadInPieces: this cannot go on.
            BodyTruncated: it was cut; what came is kept.
            DigestMismatch: it was changed on its way.
        """
        begun = self.offset
        try:
            await self._keep_all(digested(pieces, sha256))
        except DigestMismatch:
            await self._take_back(begun)
            raise

    async def end(self) -> None:
        """Mark the upload complete."""
        async with self.database.transaction() as tx:
            upload = await self._own_upload(tx)
            if upload.length is not None and upload.length != upload.received:
                raise UploadLengthMismatch(length=upload.length)
            upload.close()
            upload.length, upload.appender, upload.touched_at = upload.received, None, func.now()

    async def _keep_all(self, pieces: AsyncIterator[bytes]) -> None:
        waiting, size, since = list[bytes](), 0, asyncio.get_running_loop().time()
        try:
            async for piece in pieces:
                waiting.append(piece)
                size += len(piece)
                if size >= LARGEST_PART or asyncio.get_running_loop().time() - since >= _KEPT_EVERY:
                    kept, waiting, size = b"".join(waiting), [], 0
                    await self._keep(kept)
                    since = asyncio.get_running_loop().time()
        except Problem:
            await self._keep(b"".join(waiting))
            raise
        await self._keep(b"".join(waiting))

    async def _keep(self, content: bytes) -> None:
        if not content:
            return
        async with self.database.transaction() as tx:
            upload = await self._own_upload(tx)
            reached = upload.received + len(content)
            if reached > self.tables.most_bytes:
                raise ContentTooLarge
            if upload.length is not None and reached > upload.length:
                raise UploadLengthMismatch(length=upload.length)
            if upload.parts >= MOST_PARTS:
                raise UploadInPieces
            row = {"upload_id": upload.id, "begins_at": upload.received, "content": content}
            await tx.execute(insert(self.tables.parts).values(row))
            upload.received, upload.parts, upload.touched_at = reached, upload.parts + 1, func.now()
            self.offset = reached

    async def _take_back(self, offset: int) -> None:
        async with self.database.transaction() as tx:
            upload = await self._own_upload(tx)
            parts = self.tables.parts
            await tx.execute(delete(parts).where(parts.upload_id == upload.id, parts.begins_at >= offset))
            upload.received = offset

    async def _own_upload(self, tx: AsyncSession) -> U:
        """The upload, unless a later request has taken over."""
        upload = await locked(tx, self.tables, self.upload_id)
        if upload.appender != self.appender or not upload.is_receiving:
            raise UploadOffsetMismatch(upload.received)
        return upload


async def content_of(tx: AsyncSession, tables: Tables[U], upload_id: UUID) -> AsyncIterator[bytes]:
    """All bytes of an upload, one part in memory at a time."""
    parts = tables.parts
    query = select(parts.begins_at, parts.content).where(parts.upload_id == upload_id)
    query, reached = query.order_by(parts.begins_at).limit(1), 0
    while (part := (await tx.execute(query.where(parts.begins_at >= reached))).one_or_none()) is not None:
        if part.begins_at != reached:
            raise InvariantBrokenError("a part of the upload is missing")
        yield part.content
        reached += len(part.content)


async def forget_content(tx: AsyncSession, tables: Tables[U], upload_id: UUID) -> None:
    """Delete an upload's bytes; its record stays."""
    await tx.execute(delete(tables.parts).where(tables.parts.upload_id == upload_id))
