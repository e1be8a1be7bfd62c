"""ZIP files. No part is opened before all are known to be small enough, and readable in one way only.

There is one directory, at the end; it agrees with the headers before each part; nothing comes before the first part or
between two.
"""

import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from re import Pattern
from typing import IO

from chassis.problems import ContentTooLarge
from kit.files import zip_entries
from kit.files.kinds import Kind, is_workbook
from kit.files.refusals import ArchiveUnclear, WrongFileKind, ZipBroken
from kit.files.zip_entries import SIZES_FOLLOW_FLAG, DamagedError, chinese_name_of, data_offset

_LARGEST_DIRECTORY = 4 * 1024 * 1024
_MOST_PARTS_BESIDE = 1_000
_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_LONGEST_COMMENT = 0xFFFF
_ZIP64_MARK, _ZIP64_LENGTH = b"PK\x06\x07", 20
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_DESCRIPTOR_SIZES = {12, 16, 20, 24}  # with or without a mark, in 32 or 64 bits
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_BROKEN = (zipfile.BadZipFile, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
"""What the standard library raises for archives that are cut, damaged, or packed as it does not know."""
_OF_DESKTOPS = re.compile(r"(^|/)(\._[^/]*|\.DS_Store|Thumbs\.db)$", re.IGNORECASE)
"""What macOS and Windows add to an archive."""
_MOST_NAMES_SHOWN = 5


class BrokenError(Exception):
    """This is no ZIP file that every reader would read alike."""


class TooLargeError(Exception):
    """It has too many parts, or they are too large unpacked."""


class Archive:
    """A ZIP file's parts by name, without regard to case.

    Of two names that differ in case only, programs open different ones: such an archive is refused.
    """

    def __init__(self, file: IO[bytes], most_bytes: int, most_parts: int) -> None:
        """Look at the directory.

        Raises:
            BrokenError
            TooLargeError: more than `most_parts`, or unpacked more than `most_bytes`.
        """
        self._file = file
        _expect_small_directory(file, most_parts)
        try:
            archive = zipfile.ZipFile(file)
        except _BROKEN:
            raise BrokenError from None
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > most_bytes:
            raise TooLargeError
        if any(part.flag_bits & _ENCRYPTED or part.compress_type not in _METHODS for part in parts):
            raise BrokenError
        self.parts = {chinese_name_of(part): part for part in parts}
        self._folded = {name.lower(): part for name, part in self.parts.items()}
        # Some programs end a name at NUL, and some unpack a folder that has content as a file.
        odd = any("\0" in name or (name.endswith("/") and part.file_size) for name, part in self.parts.items())
        if odd or len(self._folded) != len(parts):
            raise BrokenError
        try:
            self._expect_no_gaps(parts, archive.start_dir)
        except DamagedError:
            raise BrokenError from None

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._folded

    def pieces(self, name: str) -> Iterator[bytes]:
        """A part's content.

        Raises:
            BrokenError: there is no such part, or it is damaged.
        """
        part = self._folded.get(name.lower())
        if part is None:
            raise BrokenError
        try:
            yield from zip_entries.content(self._file, part)
        except DamagedError:
            raise BrokenError from None

    def _expect_no_gaps(self, parts: Sequence[zipfile.ZipInfo], directory: int) -> None:
        """Bytes that no directory names: readers that go from header to header would find a part in them."""
        ordered = sorted(parts, key=lambda part: part.header_offset)
        begin, *ends = [*(part.header_offset for part in ordered), directory]
        if begin:
            raise BrokenError
        for part, end in zip(ordered, ends, strict=True):
            gap = end - data_offset(self._file, part) - part.compress_size
            if gap and not (part.flag_bits & SIZES_FOLLOW_FLAG and gap in _DESCRIPTOR_SIZES):
                raise BrokenError


def _expect_small_directory(file: IO[bytes], most_parts: int) -> None:
    """Look at the end of the archive, since reading a directory of millions of entries would fill the memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _LONGEST_COMMENT - _END.size - _ZIP64_LENGTH))
    tail = file.read()
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END.size:
        raise BrokenError
    *_, entries, length, _, comment = _END.unpack_from(tail, at)
    # Only archives of 4 GiB or 65,535 parts need the larger form, which keeps its numbers elsewhere.
    if at + _END.size + comment != len(tail) or tail[max(0, at - _ZIP64_LENGTH) : at].startswith(_ZIP64_MARK):
        raise BrokenError
    if entries > most_parts or length > _LARGEST_DIRECTORY:
        raise TooLargeError


def only_file(file: IO[bytes], most_bytes: int, wanted: Pattern[str], beside: Pattern[str] | None) -> Iterator[bytes]:
    """The content of the one file in a ZIP file that is to be read.

    Args:
        file: the ZIP file.
        most_bytes: that it may have unpacked.
        wanted: found in the names of files that may be the one.
        beside: found in the names of files that come with it and are not read.

    Raises:
        ZipBroken: it cannot be read, or is empty.
        ArchiveUnclear: there are others in it.
        WrongFileKind: it is a workbook.
        ContentTooLarge
    """
    try:
        archive = Archive(file, most_bytes, _MOST_PARTS_BESIDE)
        names = [name for name in archive.parts if not name.endswith("/") and not _OF_DESKTOPS.search(name)]
        if not names:
            raise ZipBroken
        if is_workbook(archive.parts):
            raise WrongFileKind(kind=Kind.XLSX)
        rest = [name for name in names if not (beside and beside.search(name))]
        if len(rest) != 1 or not wanted.search(rest[0]):
            raise ArchiveUnclear(files=sorted(rest or names)[:_MOST_NAMES_SHOWN])
        yield from archive.pieces(rest[0])
    except BrokenError:
        raise ZipBroken from None
    except TooLargeError:
        raise ContentTooLarge from None
