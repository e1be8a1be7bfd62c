"""A statement's file, kept on disk while it is read: its lines as text, however it is packed."""

import codecs
import hashlib
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from tempfile import TemporaryFile
from typing import IO

from chassis.problems import ContentTooLarge
from kit.files.archives import only_file
from kit.files.gzips import gunzipped
from kit.files.kinds import LONGEST_BEGINNING, Kind, kind_of
from kit.files.refusals import GzipBroken
from kit.files.texts import decoded, label_of
from kit.uploads.digests import digested, sha256_in
from svc_payments.billing.files.reception import LARGEST_FILE
from svc_payments.billing.files.refusals import EmptyFile, TooManyLines
from svc_payments.billing.files.rows import MOST_LINES
from svc_payments.reconciliation.statements.layouts import Layout
from svc_payments.reconciliation.statements.refusals import Fault, StatementMalformed

_LONGEST_LINE = 64 * 1024
_PIECE = 1024 * 1024
_EXPECTED = "text/csv; charset=utf-8, text/csv; charset=gb18030, application/zip, application/gzip"


@dataclass(frozen=True)
class Announced:
    """What the headers say of a file. Channels' downloads say nothing."""

    charset: str | None = None
    gzipped: bool = False
    sha256: str | None = None

    @classmethod
    def by(cls, headers: Mapping[str, str]) -> "Announced":
        """Read the headers.

        Raises:
            UnsupportedMediaType, UnsupportedContentEncoding: the charset or the coding is none that is read.
            BadHeader: a digest cannot be read.
        """
        label = label_of(headers, _EXPECTED)
        return cls(label.charset, label.gzipped, sha256_in(headers, "Repr-Digest"))


_NOTHING = Announced()


@dataclass(frozen=True)
class StatementFile:
    """A whole file as it came."""

    content: IO[bytes]
    sha256: str
    announced: Announced


@asynccontextmanager
async def spooled(pieces: AsyncIterator[bytes], announced: Announced = _NOTHING) -> AsyncIterator[StatementFile]:
    """The file for as long as the block lasts.

    Raises:
        ContentTooLarge: more than 512 MiB.
        DigestMismatch: the content does not match its announced digest.
        EmptyFile: nothing came.
    """
    with TemporaryFile() as content:
        sha256, size = hashlib.sha256(), 0
        async for piece in digested(pieces, announced.sha256):
            size += len(piece)
            if size > LARGEST_FILE:
                raise ContentTooLarge
            sha256.update(piece)
            content.write(piece)
        if not size:
            raise EmptyFile
        yield StatementFile(content, sha256.hexdigest(), announced)


def lines_of(file: StatementFile, layout: Layout) -> Iterator[str]:
    """The lines of a file as text, each without its end.

    Args:
        file: the file; gzip and zip are unpacked.
        layout: the encodings that it may be in when it does not say, and the names of files in a zip.

    Raises:
        UndecodableBytes, NulCharacter, WrongFileKind: it is not text.
        WrongCharset: its bytes are not in the encoding that its sender names.
        GzipBroken, ZipBroken: it is packed, and damaged; or said to be gzip, and is not.
        ArchiveUnclear: a zip has other files in it.
        ContentTooLarge: unpacked it has more than 512 MiB.
        TooManyLines: it has more than ten million.
        StatementMalformed: a line is longer than any line of a statement.
    """
    label = file.announced.charset
    default = layout.encodings[-1] if label else _encoding_of(file, layout)
    texts = decoded(_unpacked(file, layout), label, default)
    unified = io.IncrementalNewlineDecoder(None, translate=True)
    count, rest = 0, ""
    for text in chain(map(unified.decode, texts), map(unified.decode, [""], [True])):
        *lines, rest = (rest + text).split("\n")
        if count + len(lines) > MOST_LINES:
            raise TooManyLines(most=MOST_LINES)
        if len(max(*lines, rest, "", key=len)) > _LONGEST_LINE:
            at = next(at for at, line in enumerate([*lines, rest]) if len(line) > _LONGEST_LINE)
            raise StatementMalformed(Fault.LINE_TOO_LONG, count + at + 1)
        yield from lines
        count += len(lines)
    if rest:
        yield rest


def _encoding_of(file: StatementFile, layout: Layout) -> str:
    """That of a file which does not say: the first that fits, or else the last."""
    *first, last = layout.encodings
    return next((each for each in first if _is_text(file, layout, each)), last)


def _is_text(file: StatementFile, layout: Layout, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for piece in _unpacked(file, layout):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _unpacked(file: StatementFile, layout: Layout) -> Iterator[bytes]:
    file.content.seek(0)
    kind = kind_of(file.content.read(LONGEST_BEGINNING))
    file.content.seek(0)
    if file.announced.gzipped and kind != Kind.GZIP:
        raise GzipBroken
    match kind:
        case Kind.ZIP:
            return only_file(file.content, LARGEST_FILE, layout.wanted, layout.beside)
        case Kind.GZIP:
            return gunzipped(file.content, LARGEST_FILE)
    return iter(lambda: file.content.read(_PIECE), b"")
