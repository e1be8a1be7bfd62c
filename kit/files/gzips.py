"""Gzip files unpacked in small steps, so that a bomb is met by the limit and not by the memory."""

import zlib
from collections.abc import Iterator
from typing import IO

from chassis.problems import ContentTooLarge
from kit.files.refusals import GzipBroken

_GZIP = 16 + zlib.MAX_WBITS
_STEP = 256 * 1024


class Gunzip:
    """Unpacks a gzip file piece by piece.

    Several members are one file (RFC 1952, 2.2). Nothing else may follow a member: zeros, which some programs pad with,
    are skipped by some readers and refused by others.
    """

    def __init__(self, most_bytes: int) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._most_bytes = most_bytes
        self._count = 0

    def parts(self, piece: bytes) -> Iterator[bytes]:
        """What a piece unpacks to.

        Raises:
            GzipBroken: this is no gzip content.
            ContentTooLarge: more than `most_bytes` were unpacked.
        """
        rest = piece
        while rest:
            if self._member.eof:
                self._member = zlib.decompressobj(_GZIP)
            try:
                part = self._member.decompress(rest, _STEP)
            except zlib.error:
                raise GzipBroken from None
            rest = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            self._count += len(part)
            if self._count > self._most_bytes:
                raise ContentTooLarge
            yield part

    def finish(self) -> None:
        """Check that the last member is complete.

        Raises:
            GzipBroken
        """
        if not self._member.eof:
            raise GzipBroken


def gunzipped(file: IO[bytes], most_bytes: int) -> Iterator[bytes]:
    """The content of a gzip file from its beginning.

    Raises:
        GzipBroken: it is cut or damaged, or other bytes follow.
        ContentTooLarge: unpacked it has more than `most_bytes`.
    """
    file.seek(0)
    gunzip = Gunzip(most_bytes)
    while piece := file.read(_STEP):
        yield from gunzip.parts(piece)
    gunzip.finish()
