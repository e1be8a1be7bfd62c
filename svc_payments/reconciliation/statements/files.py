"""A statement's file, kept on disk while it is read: its lines as text, however it is packed."""

import codecs
import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO

from chassis.problems import ContentTooLarge
from svc_payments.billing.files.reception import LARGEST_FILE
from svc_payments.billing.files.refusals import EmptyFile, GzipBroken, UndecodableBytes
from svc_payments.reconciliation.statements.refusals import StatementMalformed

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_WITH_LINES = re.compile(r"\.csv$|(^|/)INN[0-9]{8}ZM_")
_LONGEST_LINE = 64 * 1024
_PIECE = 1024 * 1024
_BROKEN = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What the standard library raises for archives that are cut, damaged, encrypted, or packed as it does not know."""


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


def lines_of(file: StatementFile, encodings: Sequence[str]) -> Iterator[str]:
    """The lines of a file as text, each without its end.

    Args:
        file: the file; gzip and zip are unpacked.
        encodings: those it may be in; the last is taken when no other fits.

    Raises:
        UndecodableBytes: it is not text.
        GzipBroken: the archive is damaged, or has no statement in it.
        ContentTooLarge: unpacked it has more than 512 MiB.
        StatementMalformed: a line is longer than any line of a statement.
    """
    try:
        encoding = next((each for each in encodings[:-1] if _is_text(file, each)), encodings[-1])
        with _unpacked(file) as content, io.TextIOWrapper(content, encoding=encoding) as text:
            for row, line in enumerate(iter(lambda: text.readline(_LONGEST_LINE + 1), ""), 1):
                if len(line) > _LONGEST_LINE:
                    raise StatementMalformed(row=row)
                yield line.rstrip("\n")
    except UnicodeDecodeError as error:
        raise UndecodableBytes(byte=error.start, encoding=encodings[-1]) from None
    except _BROKEN:
        raise GzipBroken from None


def _is_text(file: StatementFile, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with _unpacked(file) as content:
        try:
            while piece := content.read(_PIECE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


@contextmanager
def _unpacked(file: StatementFile) -> Iterator[io.BufferedReader]:
    file.content.seek(0)
    head = file.content.read(len(_ZIP))
    file.content.seek(0)
    if head == _ZIP:
        # Alipay names the files in its zip in GBK.
        archive = zipfile.ZipFile(file.content, metadata_encoding="gbk")
        with archive, archive.open(_statement_in(archive.namelist())) as member:
            yield io.BufferedReader(_Bounded(member), _PIECE)
    elif head.startswith(_GZIP):
        with gzip.open(file.content) as member:
            yield io.BufferedReader(_Bounded(member), _PIECE)
    else:
        yield io.BufferedReader(_Bounded(file.content), _PIECE)


def _statement_in(names: Sequence[str]) -> str:
    """The file with the lines: another of Alipay's sums them up by shop, others of UnionPay's are about disputes."""
    found = next((name for name in names if _WITH_LINES.search(name) and "汇总" not in name), None)
    if found is None:
        raise zipfile.BadZipFile
    return found


class _Bounded(io.RawIOBase):
    """Reads what is packed in an archive, but not without end. Closing it leaves what it reads from open."""

    def __init__(self, content: "IO[bytes] | gzip.GzipFile") -> None:
        super().__init__()
        self._content = content
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # narrower than any Buffer
        piece = self._content.read(len(buffer))
        buffer[: len(piece)] = piece
        self._count += len(piece)
        if self._count > LARGEST_FILE:
            raise ContentTooLarge
        return len(piece)
