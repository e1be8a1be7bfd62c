"""PDF files that are only read: without scripts, attachments, commands or passwords.

The bytes are searched, and what deflated streams unpack to, whatever a reader would take them for. Names may be written
with escapes. Nothing is built from the file, so its structure cannot exhaust anything; what unpacks is counted.
"""

import itertools
import re
import zlib
from collections.abc import Iterator

from kit.files.refusals import DocumentActive, DocumentAmbiguous, DocumentDamaged, DocumentTooLarge

MOST_UNPACKED = 256 * 1024 * 1024
"""Bytes that all streams together unpack to, in pieces; scanned pages come to some tens of millions."""
MOST_STREAMS = 20_000
_PIECE, _PACKED_PIECE = 256 * 1024, 16 * 1024
_NAME_COSTS = 64
"""A name that begins costs the search as much as so many other bytes."""
_FAULTY_BYTE_COSTS = 64
"""A byte of a damaged stream costs as much as so many others: it is unpacked alone."""
_DEPTH = 2
"""How often a stream may be deflated within itself."""
_LONGEST_NAME = 64
Bytes = bytes | memoryview
_HEAD = re.compile(rb"%PDF-[12]\.[0-9]\s")
_END = re.compile(rb"%%EOF[\s\0]*\Z")
_TAIL = 1024
_STREAM = re.compile(rb"(?<!end)stream\r?\n?")
_DEFLATED = b"\x78"
_NAME_ENDS = rb"(?=[\x00\t\n\f\r ()<>\[\]{}/%]|\Z)"


def _named(*names: str) -> re.Pattern[bytes]:
    """Any of these names, each character as it is or escaped."""
    written = ["".join(f"(?:{each}|#(?i:{ord(each):02x}))" for each in name) for name in names]
    return re.compile(rb"/(?:" + "|".join(written).encode() + rb")" + _NAME_ENDS)


_ACTIVE = _named(
    *("JavaScript", "Rendition", "Launch", "SubmitForm", "ImportData", "GoToE"),
    *("EmbeddedFile", "EmbeddedFiles", "RichMedia", "XFA", "Encrypt"),
)
_UNREAD_FILTERS = _named("LZWDecode", "ASCII85Decode", "ASCIIHexDecode", "RunLengthDecode", "Crypt")
"""What they hide is not searched; scanners and offices have no use for them."""
_HOLDS_OBJECTS = re.compile(rb"/ObjStm|/First\s+\d+(?!\s+\d+\s+R)")
_PREDICTOR = _named("Predictor")


def require_pdf(content: bytes) -> None:
    """Refuse what is more than pages to look at.

    Raises:
        DocumentDamaged: it does not begin and end as a PDF file does.
        DocumentAmbiguous: something follows its end.
        DocumentActive: it has scripts, attachments, commands or a password, or hides what it has.
        DocumentTooLarge: it unpacks to more than is searched.
    """
    if not _HEAD.match(content):
        raise DocumentDamaged
    if not _END.search(content[-_TAIL:]):
        raise DocumentAmbiguous if b"%%EOF" in content else DocumentDamaged
    if _ACTIVE.search(content) or _UNREAD_FILTERS.search(content):
        raise DocumentActive
    budget, before = _Budget(), 0
    for stream in _STREAM.finditer(content):
        described = content[before : stream.start()]
        if _HOLDS_OBJECTS.search(described) and _PREDICTOR.search(described):
            raise DocumentActive  # its objects are written as differences
        budget.spend_stream()
        _search(_cut(memoryview(content)[stream.end() :]), budget, _DEPTH)
        before = stream.end()


class _Budget:
    """What is left of the work that one file may cost."""

    def __init__(self) -> None:
        self._bytes, self._streams = MOST_UNPACKED, MOST_STREAMS

    def spend(self, count: int) -> None:
        self._bytes -= count
        if self._bytes < 0:
            raise DocumentTooLarge

    def spend_stream(self) -> None:
        self._streams -= 1
        if self._streams < 0:
            raise DocumentTooLarge


def _search(packed: Iterator[Bytes], budget: _Budget, depth: int) -> None:
    """Search what a stream unpacks to, which is nothing where it is not deflated."""
    pieces = _inflated(packed, budget)
    first = next(pieces, b"")
    whole = itertools.chain((first,), pieces)
    if first.startswith(_DEFLATED):
        if not depth:
            raise DocumentActive
        _search(whole, budget, depth - 1)
        return
    tail = b""
    for piece in whole:
        budget.spend(_NAME_COSTS * piece.count(b"/"))
        seen = tail + piece
        if _ACTIVE.search(seen):
            raise DocumentActive
        tail = seen[-_LONGEST_NAME:]


def _cut(content: memoryview) -> Iterator[memoryview]:
    for at in range(0, len(content), _PACKED_PIECE):
        yield content[at : at + _PACKED_PIECE]


def _inflated(packed: Iterator[Bytes], budget: _Budget) -> Iterator[bytes]:
    """What a deflated stream unpacks to, as lenient readers take it: up to a fault, whatever its checksum says."""
    inflater = zlib.decompressobj()
    for piece in packed:
        waiting = piece
        while waiting and not inflater.eof:
            before = inflater.copy()
            try:
                made = inflater.decompress(waiting, _PIECE)
            except zlib.error:
                yield from _up_to_fault(before, waiting, budget)
                return
            budget.spend(len(made) + len(waiting) - len(inflater.unconsumed_tail))
            waiting = inflater.unconsumed_tail
            if made:
                yield made
        if inflater.eof:
            return


def _up_to_fault(inflater: "zlib._Decompress", waiting: Bytes, budget: _Budget) -> Iterator[bytes]:
    """What a call that failed did not return: each byte alone, as far as it goes."""
    for at in range(len(waiting)):
        budget.spend(_FAULTY_BYTE_COSTS)
        try:
            made = inflater.decompress(waiting[at : at + 1])
        except zlib.error:
            return
        if made:
            yield made
