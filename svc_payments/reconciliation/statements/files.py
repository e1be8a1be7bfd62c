"""A statement's file, kept on disk while it is read: its lines as text, however it is packed."""

import codecs
import hashlib
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from chassis.problems import ContentTooLarge
from kit.files.archives import only_file
from kit.files.encodings import LONGEST_MARK, MARKS, mark_of
from kit.files.gzips import gunzipped
from kit.files.kinds import LONGEST_BEGINNING, Kind, kind_of
from kit.files.refusals import WrongFileKind
from svc_payments.billing.files.reception import LARGEST_FILE
from svc_payments.billing.files.refusals import EmptyFile, NulCharacter, UndecodableBytes
from svc_payments.reconciliation.statements.layouts import Layout
from svc_payments.reconciliation.statements.refusals import StatementMalformed

_LONGEST_LINE = 64 * 1024
_PIECE = 1024 * 1024


@dataclass(frozen=True)
class StatementFile:
    """A whole file as it came."""

    content: IO[bytes]
    sha256: str


@asynccontextmanager
async def spooled(pieces: AsyncIterator[bytes]) -> AsyncIterator[StatementFile]:
    """The file for as long as the block lasts.

    Raises:
        ContentTooLarge: more than 512 MiB.
        EmptyFile: nothing came.
    """
    with TemporaryFile() as content:
        sha256, size = hashlib.sha256(), 0
        async for piece in pieces:
            size += len(piece)
            if size > LARGEST_FILE:
                raise ContentTooLarge
            sha256.update(piece)
            content.write(piece)
        if not size:
            raise EmptyFile
        yield StatementFile(content, sha256.hexdigest())


def lines_of(file: StatementFile, layout: Layout) -> Iterator[str]:
    """The lines of a file as text, each without its end.

    Args:
        file: the file; gzip and zip are unpacked.
        layout: the encodings that it may be in, and the names of files in a zip.

    Raises:
        UndecodableBytes, NulCharacter: it is not text.
        GzipBroken, ZipBroken: what was packed is damaged.
        ArchiveUnclear: a zip has other files in it.
        WrongFileKind: it is neither text nor packed as one of these.
        ContentTooLarge: unpacked it has more than 512 MiB.
        StatementMalformed: a line is longer than any line of a statement.
    """
    with _unpacked(file, layout) as content:
        mark = mark_of(content.read(LONGEST_MARK))
    encoding = MARKS[mark] if mark else _encoding_of(file, layout)
    if encoding is None:
        raise UndecodableBytes(byte=0, encoding=layout.encodings[-1])
    with _unpacked(file, layout) as content, io.TextIOWrapper(content, encoding=encoding) as text:
        content.read(len(mark))
        try:
            for row, line in enumerate(iter(lambda: text.readline(_LONGEST_LINE + 1), ""), 1):
                if len(line) > _LONGEST_LINE:
                    raise StatementMalformed(row=row)
                yield line.rstrip("\n")
        except UnicodeDecodeError as error:
            raise UndecodableBytes(byte=error.start, encoding=encoding) from None


def _encoding_of(file: StatementFile, layout: Layout) -> str:
    """That of a file without a mark: the first that fits, or else the last."""
    *first, last = layout.encodings
    return next((each for each in first if _is_text(file, layout, each)), last)


def _is_text(file: StatementFile, layout: Layout, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with _unpacked(file, layout) as content:
        try:
            while piece := content.read(_PIECE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _unpacked(file: StatementFile, layout: Layout) -> io.BufferedReader:
    file.content.seek(0)
    kind = kind_of(file.content.read(LONGEST_BEGINNING))
    file.content.seek(0)
    match kind:
        case None:
            pieces = iter(lambda: file.content.read(_PIECE), b"")
        case Kind.ZIP:
            pieces = only_file(file.content, LARGEST_FILE, layout.wanted, layout.beside)
        case Kind.GZIP:
            pieces = gunzipped(file.content, LARGEST_FILE)
        case _:
            raise WrongFileKind(kind=kind)
    return io.BufferedReader(_Pieces(pieces), _PIECE)


class _Pieces(io.RawIOBase):
    """Reads what comes in pieces. Closing it leaves what they come from open."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # narrower than any Buffer
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            if (nul := piece.find(b"\0")) >= 0:
                raise NulCharacter(byte=self._count + nul)
            self._count += len(piece)
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
