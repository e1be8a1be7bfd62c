"""The parts of a workbook's zip archive. None is opened before all are known to be small enough."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from svc_payments.billing.files.refusals import WorkbookBroken, WorkbookTooLarge

MOST_PARTS = 10_000
LARGEST_UNPACKED = 1024 * 1024 * 1024
"""Bytes of all parts together: three times what a million rows of eight columns take."""
_LARGEST_DIRECTORY = 4 * 1024 * 1024
_PIECE = 64 * 1024

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_LONGEST_COMMENT = 0xFFFF
_ZIP64_MARK, _ZIP64_LENGTH = b"PK\x06\x07", 20

_ENCRYPTED = 0x1
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What the standard library raises for archives that are cut, damaged, or packed as it does not know."""


class Archive:
    """A workbook's parts by name.

    What a part says of its size is what it can have: the reader never gives more, and a part that is longer then fails
    its checksum.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Look at the directory.

        Raises:
            WorkbookBroken: it is no archive such as spreadsheet programs write.
            WorkbookTooLarge: it has too many parts, or they are too large unpacked.
        """
        _expect_small_directory(file)
        try:
            self._zip = zipfile.ZipFile(file)
        except BROKEN:
            raise WorkbookBroken from None
        parts = self._zip.infolist()
        if sum(part.file_size for part in parts) > LARGEST_UNPACKED:
            raise WorkbookTooLarge(limit_bytes=LARGEST_UNPACKED)
        if any(part.flag_bits & _ENCRYPTED or part.compress_type not in _METHODS for part in parts):
            raise WorkbookBroken
        # Part names are compared without case (OPC, 6.2.2.3).
        self._parts = {part.filename.lower(): part for part in parts}
        if len(self._parts) != len(parts):
            raise WorkbookBroken  # of two parts of one name, programs open different ones

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._parts

    def pieces(self, name: str) -> Iterator[bytes]:
        """A part's content.

        Raises:
            WorkbookBroken: there is no such part, or it is damaged.
        """
        part = self._parts.get(name.lower())
        if part is None:
            raise WorkbookBroken
        try:
            with self._zip.open(part) as content:
                while piece := content.read(_PIECE):
                    yield piece
        except BROKEN:
            raise WorkbookBroken from None


def _expect_small_directory(file: BinaryIO) -> None:
    """Look at the end of the archive, since reading a directory of millions of entries would fill the memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _LONGEST_COMMENT - _END.size - _ZIP64_LENGTH))
    tail = file.read()
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END.size:
        raise WorkbookBroken
    *_, entries, length, _, comment = _END.unpack_from(tail, at)
    # Only archives of 4 GiB or 65,535 parts need the larger form, which keeps its numbers elsewhere.
    if at + _END.size + comment != len(tail) or tail[max(0, at - _ZIP64_LENGTH) : at].startswith(_ZIP64_MARK):
        raise WorkbookBroken
    if entries > MOST_PARTS or length > _LARGEST_DIRECTORY:
        raise WorkbookTooLarge(limit_bytes=LARGEST_UNPACKED)
