"""Every byte of a ZIP file belongs to a member, the directory or the end record; what a member's header may ask for.

Readers that take the file as a stream go from header to header, others from the directory: bytes that only one of
them sees are bytes that no reviewer sees.
"""

import stat
import struct
import zipfile
from collections.abc import Iterator, Sequence
from typing import IO

from kit.files.zip_entries import LOCAL, SIZES_FOLLOW_FLAG, data_offset, path_of, raw_name
from svc_miniapps.packages.checks.findings import Finding

_DESCRIPTOR = struct.Struct("<4s3L")
_DESCRIPTOR_MARK = b"PK\x07\x08"
_DIRECTORY_ENTRY = 46
_LEVEL_FLAGS = 0x0006
_UTF8_FLAG = 0x0800
_FLAGS = _LEVEL_FLAGS | SIZES_FOLLOW_FLAG | _UTF8_FLAG
ENCRYPTED_FLAGS = 0x0001 | 0x0040 | 0x2000  # traditional, strong, and of the directory itself
_DEFLATE_VERSION, _ZIP64_VERSION = 20, 45
_VOLUME_LABEL, _DEVICE, _LINK = 0x08, 0x40, 0x400
_RUNS = (".html", ".js", ".mjs", ".css", ".json", ".svg")
_NO_FILE = _VOLUME_LABEL | _DEVICE | _LINK
"""Attributes of MS-DOS and Windows: `unzip` leaves a volume label out."""


def fills(infos: Sequence[zipfile.ZipInfo], directory_size: int) -> bool:
    """Whether the entries fill the directory: each at its full length, and nothing behind them."""
    lengths = (_DIRECTORY_ENTRY + len(raw_name(info)) + len(info.extra) + len(info.comment) for info in infos)
    return sum(lengths) == directory_size


def check_readable(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[Finding]:
    """Flags and versions beyond stored and deflated files, which some readers refuse and others skip."""
    path = path_of(info)
    file.seek(info.header_offset)
    record = file.read(LOCAL.size)
    local_version = LOCAL.unpack(record)[1] if len(record) == LOCAL.size else 0
    versions = (info.reserved << 8 | info.extract_version, local_version)
    if info.flag_bits & ~(_FLAGS | ENCRYPTED_FLAGS) or not all(map(_is_common, versions)):
        yield Finding("zip_feature", path)


def check_marks(infos: Sequence[zipfile.ZipInfo]) -> Iterator[Finding]:
    """Names that Python and fflate read as code page 437, since nothing marks them as UTF-8.

    `zip` on Linux and Finder mark none. That is no danger where every name is read so, and nothing runs by its name.
    """
    others = [info for info in infos if not raw_name(info).isascii() and path_of(info).encode() == raw_name(info)]
    marked = any(info.flag_bits & _UTF8_FLAG for info in others)
    for info in others:
        if not info.flag_bits & _UTF8_FLAG and (marked or path_of(info).casefold().endswith(_RUNS)):
            yield Finding("name_not_marked", path_of(info))


def _is_common(version: int) -> bool:
    return version <= _DEFLATE_VERSION or version == _ZIP64_VERSION


def is_what_it_is_called(path: str, attributes: int) -> bool:
    """Whether the attributes say what the name says: some readers take a folder by its slash, others by these.

    The upper half holds the Unix file mode, where the packing system had one; the lower half the bits of MS-DOS.
    """
    mode = attributes >> 16
    kind = stat.S_IFMT(mode)
    if attributes & _NO_FILE:
        return False
    if path.endswith("/"):
        return kind in (0, stat.S_IFDIR)
    # A program that runs with another's rights is no file of an app.
    runs_as_another = mode & (stat.S_ISUID | stat.S_ISGID)
    return kind in (0, stat.S_IFREG) and not runs_as_another and not attributes & stat.FILE_ATTRIBUTE_DIRECTORY


def check_gaps(file: IO[bytes], infos: Sequence[zipfile.ZipInfo], directory_offset: int) -> Iterator[Finding]:
    """Bytes between two members or before the directory, and descriptors that are no descriptors."""
    ordered = sorted(infos, key=lambda info: info.header_offset)
    ends = [following.header_offset for following in ordered[1:]] + [directory_offset]
    for info, end in zip(ordered, ends, strict=True):
        place = data_offset(file, info) + info.compress_size
        if info.flag_bits & SIZES_FOLLOW_FLAG:
            file.seek(place)
            if file.read(_DESCRIPTOR.size) != _descriptor(info):
                yield Finding("damaged_file", path_of(info))
                continue
            place += _DESCRIPTOR.size
        if place != end:
            yield Finding("hidden_bytes", path_of(info))


def _descriptor(info: zipfile.ZipInfo) -> bytes:
    """The only form that every common packer writes; without its mark, or in 64 bits, readers guess its length."""
    return _DESCRIPTOR.pack(_DESCRIPTOR_MARK, info.CRC, info.compress_size, info.file_size)
