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


def _names(*names: str) -> bytes:
    """Any of these names, each character as it is or escaped."""
    written = ["".join(f"(?:{each}|#(?i:{ord(each):02x}))" for each in name) for name in names]
    return rb"/(?:" + "|".join(written).encode() + rb")" + _NAME_ENDS


_SPACE = rb"[\x00\t\n\f\r ]"
_REFUSED = re.compile(
    b"|".join(
        (
            # What acts when it is opened or touched, and what is no page.
            _names("JavaScript", "Rendition", "Launch", "SubmitForm", "ImportData", "GoToE", "GoToR", "Thread", "AA"),
            _names("EmbeddedFile", "EmbeddedFiles", "RichMedia", "Movie", "Sound", "XFA", "Encrypt"),
            # What lies in another file or under an address; a font or an image is within this one.
            _names("F") + _SPACE + rb"*[(<]",
            # Filters that are not undone here, and so would hide what is searched for; scanners and offices need none.
            _names("LZWDecode", "ASCII85Decode", "ASCIIHexDecode", "RunLengthDecode", "Crypt"),
            _names("DecodeParms", "DP") + rb"[^<>/]{0,40}?\d" + _SPACE + rb"+\d+" + _SPACE + rb"+R",
        )
    )
)
_OBJECT_STREAM = re.compile(_names("ObjStm") + rb"|/First\s+\d+(?!\s+\d+\s+R)")
_FIRST, _PREDICTOR = re.compile(_names("First")), re.compile(_names("Predictor"))


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
    if _REFUSED.search(content):
        raise DocumentActive
    budget, before = _Budget(), 0
    for stream in _STREAM.finditer(content):
        described = content[before : stream.start()]
        if _PREDICTOR.search(described) and _may_hold_objects(described):
            raise DocumentActive  # they are written as differences
        budget.spend_stream()
        _search(_cut(memoryview(content)[stream.end() :]), budget, _DEPTH)
        before = stream.end()


def _may_hold_objects(described: bytes) -> bool:
    """Whether a stream holds objects, by what stands before it; an outline, too, has a first entry, but no stream."""
    return bool(_OBJECT_STREAM.search(described) or _FIRST.search(described.rpartition(b"endobj")[2]))


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
        if _REFUSED.search(seen):
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
