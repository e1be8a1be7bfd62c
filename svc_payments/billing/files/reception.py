"""From the body of a request to the text of a whole file.

The body goes to a temporary file as UTF-8 while it arrives. Its rows are read only
once the body is complete and valid text: a slow client holds no database connection or lock, and a cut or broken file
never reaches the database.
"""

import asyncio
import codecs
import hashlib
import io
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import Message
from tempfile import TemporaryFile
from typing import BinaryIO, Protocol, TextIO

from chassis.problems import UnsupportedMediaType
from kit.files.encodings import LONGEST_MARK, MARKS, mark_of
from kit.files.gzips import Gunzip
from kit.invariants import InvariantBrokenError
from kit.uploads.digests import digested, sha256_in
from svc_payments.billing.files.models import Encoding
from svc_payments.billing.files.refusals import (
    EmptyFile,
    NulCharacter,
    UndecodableBytes,
    UnsupportedContentEncoding,
    WrongCharset,
)
from svc_payments.billing.files.workbooks import reader
from svc_payments.billing.files.workbooks.cells import Faults

LARGEST_FILE = 512 * 1024 * 1024
MEDIA_TYPE = "text/csv"
_LONG_SEQUENCE = re.compile(rb"[\xe0-\xf4]")
"""In UTF-8 the first byte of a sequence of three or four, as Chinese and full-width forms are written."""


# GB 18030 reads whatever its predecessors wrote, whose names many systems still put on it.
_CHARSETS = {
    "utf-8": Encoding.UTF_8,
    "utf8": Encoding.UTF_8,
    "gb18030": Encoding.GB18030,
    "gbk": Encoding.GB18030,
    "gb2312": Encoding.GB18030,
}
_MARKED = {"utf-8": Encoding.UTF_8_SIG, "gb18030": Encoding.GB18030, None: None}


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
        label = _labelled(headers.get("content-type", ""))
        coding = headers.get("content-encoding", "identity").lower()
        if coding not in {"identity", "gzip", "x-gzip"}:
            raise UnsupportedContentEncoding
        return cls(label, gzipped=coding != "identity", sha256=sha256_in(headers, "Repr-Digest"))


@asynccontextmanager
async def received(announced: Announced, pieces: AsyncIterator[bytes]) -> AsyncIterator[Upload]:
    """The file that comes in these pieces, for as long as the block lasts.

    Raises:
        ContentTooLarge: more than 512 MiB, as sent or unzipped.
        DigestMismatch: the content does not match its announced digest.
        BodyTruncated, GzipBroken, EmptyFile, UndecodableBytes, NulCharacter, WrongCharset: not a whole text file.
        WorkbookBroken, WorkbookTooLarge, SeveralSheets: not a spreadsheet with one table that can be read.
    """
    with TemporaryFile() as file, TemporaryFile() as lines:
        is_book = announced.label == Encoding.XLSX
        spool: _Taker = _BookSpool(file, lines) if is_book else _Spool(file, announced.label)
        pieces = digested(pieces, announced.sha256)
        async for piece in _gunzipped(pieces) if announced.gzipped else pieces:
            await asyncio.to_thread(spool.write, piece)
        yield await asyncio.to_thread(spool.finish)


def _labelled(content_type: str) -> Encoding | None:
    header = Message()
    header["Content-Type"] = content_type
    if content_type and header.get_content_type() == reader.MEDIA_TYPE:
        return Encoding.XLSX
    charset = header.get_param("charset")
    known = charset is None or str(charset).lower() in _CHARSETS
    if header.get_content_type() != MEDIA_TYPE or not content_type or not known:
        expected = f"text/csv; charset=utf-8, text/csv; charset=gb18030, {reader.MEDIA_TYPE}"
        raise UnsupportedMediaType(expected=expected)
    return None if charset is None else _CHARSETS[str(charset).lower()]


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
        self._label = label
        self._encoding: Encoding | None = None
        self._head = b""
        self._count = 0
        self._sha256 = hashlib.sha256()

    def write(self, piece: bytes) -> None:
        self._sha256.update(piece)
        if self._encoding is None:
            self._head += piece
            if len(self._head) < LONGEST_MARK:
                return
            piece = self._begin()
        self._decode(piece)

    def finish(self) -> Upload:
        if self._encoding is None:
            if not self._head:
                raise EmptyFile
            self._decode(self._begin())
        self._decode(b"", final=True)
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, encoding="utf-8", newline=None)
        if not self._encoding:
            raise InvariantBrokenError("the encoding of the file is not settled")
        return Upload(text, self._encoding, self._sha256.hexdigest())

    def _begin(self) -> bytes:
        """Settle the encoding by label and byte order mark; gives the first bytes without the mark."""
        mark = mark_of(self._head)
        marked = _MARKED[MARKS[mark]] if mark else self._label or Encoding.UTF_8
        labelled = self._label or marked
        if marked is None or (marked == Encoding.GB18030) != (labelled == Encoding.GB18030):
            raise WrongCharset(label=labelled or "utf-8")
        self._encoding = marked
        self._count = len(mark)
        codec = Encoding.GB18030 if marked == Encoding.GB18030 else Encoding.UTF_8
        self._decoder = codecs.getincrementaldecoder(codec)()
        # Chinese in UTF-8 can pass for GB18030, as nonsense. A few characters in GB18030 can pass for UTF-8 too, but
        # as sequences of two; they practically never make one of three.
        self._suspicion = codecs.getincrementaldecoder("utf-8")() if codec == Encoding.GB18030 else None
        self._long_sequence = False
        return self._head[len(mark) :]

    def _decode(self, piece: bytes, *, final: bool = False) -> None:
        if (nul := piece.find(b"\0")) >= 0:
            raise NulCharacter(byte=self._count + nul)
        self._count += len(piece)
        try:
            text = self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            # Bytes that the decoder kept from the previous piece come first.
            byte = self._count - len(error.object) + error.start
            raise UndecodableBytes(byte=byte, encoding=self._encoding) from None
        self._suspect(piece, final=final)
        self._file.write(text.encode())

    def _suspect(self, piece: bytes, *, final: bool) -> None:
        if self._suspicion is None:
            return
        self._long_sequence = self._long_sequence or _LONG_SEQUENCE.search(piece) is not None
        try:
            self._suspicion.decode(piece, final)
        except UnicodeDecodeError:
            self._suspicion = None
            return
        if final and self._long_sequence:
            raise WrongCharset(label=self._encoding)
