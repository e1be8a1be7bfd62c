"""From the body of a request to the text of a whole file.

The body goes to a temporary file as UTF-8 while it arrives. Its rows are read only
once the body is complete and valid text: a slow client holds no database connection or lock, and a cut or broken file
never reaches the database.
"""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import BinaryIO, Protocol, TextIO

from chassis.problems import UnsupportedMediaType
from kit.files.gzips import Gunzip
from kit.files.texts import GB18030, UTF_8, Decoder, label_of
from kit.invariants import InvariantBrokenError
from kit.uploads.digests import digested, sha256_in
from svc_payments.billing.files.models import Encoding
from svc_payments.billing.files.refusals import EmptyFile
from svc_payments.billing.files.workbooks import reader
from svc_payments.billing.files.workbooks.cells import Faults

LARGEST_FILE = 512 * 1024 * 1024
MEDIA_TYPE = "text/csv"
_EXPECTED = f"{MEDIA_TYPE}; charset={UTF_8}, {MEDIA_TYPE}; charset={GB18030}, {reader.MEDIA_TYPE}"


@dataclass(frozen=True)
class Upload:
    """A whole file: its text with every line ending as a line feed, and what it was like when it came."""

    text: TextIO
    encoding: Encoding
    sha256: str
    """Of the file, after a Content-Encoding was undone."""
    faults: Faults | None = None
    """Of a spreadsheet: rows that are refused for how they are stored."""


@dataclass(frozen=True)
class Announced:
    """The metadata of a file in the headers."""

    label: Encoding | None
    gzipped: bool
    sha256: str | None
    """The announced digest of the content as sent, if any."""

    @classmethod
    def by(cls, headers: Mapping[str, str]) -> "Announced":
        """Read the headers.

        Raises:
            UnsupportedMediaType, UnsupportedContentEncoding: they announce something else than a bill file.
            BadHeader: a digest cannot be read.
        """
        label = label_of(headers, _EXPECTED)
        if label.media_type == reader.MEDIA_TYPE:
            encoding: Encoding | None = Encoding.XLSX
        elif label.media_type == MEDIA_TYPE:
            encoding = Encoding(label.charset) if label.charset else None
        else:
            raise UnsupportedMediaType(expected=_EXPECTED)
        return cls(encoding, label.gzipped, sha256=sha256_in(headers, "Repr-Digest"))


@asynccontextmanager
async def received(announced: Announced, pieces: AsyncIterator[bytes]) -> AsyncIterator[Upload]:
    """The file that comes in these pieces, for as long as the block lasts.

    Raises:
        ContentTooLarge: more than 512 MiB, as sent or unzipped.
        DigestMismatch: the content does not match its announced digest.
        BodyTruncated, GzipBroken, EmptyFile, UndecodableBytes, NulCharacter, WrongCharset, WrongFileKind: not a whole
            text file.
        WorkbookBroken, WorkbookTooLarge, SeveralSheets: not a spreadsheet with one table that can be read.
    """
    with TemporaryFile() as file, TemporaryFile() as lines:
        is_book = announced.label == Encoding.XLSX
        spool: _Taker = _BookSpool(file, lines) if is_book else _Spool(file, announced.label)
        pieces = digested(pieces, announced.sha256)
        async for piece in _gunzipped(pieces) if announced.gzipped else pieces:
            await asyncio.to_thread(spool.write, piece)
        yield await asyncio.to_thread(spool.finish)


async def _gunzipped(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    gunzip = Gunzip(LARGEST_FILE)
    async for piece in pieces:
        parts = gunzip.parts(piece)
        while part := await asyncio.to_thread(next, parts, None):
            yield part
    gunzip.finish()


class _Taker(Protocol):
    """Takes the bytes of a file piece by piece, and makes a table of them."""

    def write(self, piece: bytes, /) -> None: ...
    def finish(self) -> Upload: ...


class _BookSpool:
    """Keeps a spreadsheet until it is complete: the directory of its archive is at its end."""

    def __init__(self, file: BinaryIO, lines: BinaryIO) -> None:
        self._file = file
        self._lines = lines
        self._sha256 = hashlib.sha256()

    def write(self, piece: bytes) -> None:
        self._sha256.update(piece)
        self._file.write(piece)

    def finish(self) -> Upload:
        if not self._file.tell():
            raise EmptyFile
        faults = reader.write_lines(self._file, self._lines)
        self._lines.seek(0)
        text = io.TextIOWrapper(self._lines, encoding="utf-8", newline=None)
        return Upload(text, Encoding.XLSX, self._sha256.hexdigest(), faults)


class _Spool:
    """Takes the bytes of a file piece by piece, proves that they are text, and keeps them as UTF-8."""

    def __init__(self, file: BinaryIO, label: Encoding | None) -> None:
        self._file = file
        self._decoder = Decoder(label)
        self._sha256 = hashlib.sha256()
        self._is_empty = True

    def write(self, piece: bytes) -> None:
        self._sha256.update(piece)
        self._is_empty = self._is_empty and not piece
        self._file.write(self._decoder.text(piece).encode())

    def finish(self) -> Upload:
        if self._is_empty:
            raise EmptyFile
        self._file.write(self._decoder.finish().encode())
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, encoding="utf-8", newline=None)
        if not self._decoder.encoding:
            raise InvariantBrokenError("the encoding of the file is not settled")
        encoding = Encoding(self._decoder.encoding)
        if encoding == Encoding.UTF_8 and self._decoder.marked:
            encoding = Encoding.UTF_8_SIG
        return Upload(text, encoding, self._sha256.hexdigest())
