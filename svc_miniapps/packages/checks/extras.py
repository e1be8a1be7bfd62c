"""Extra fields of a ZIP file's members: those that common packers write, at the size they have, and nothing beside.

Anything else is room for bytes that no reviewer sees, or speaks to one reader alone: other attributes (`xl`, ASi),
other names, keys.
"""

import struct
import zipfile
from collections.abc import Iterator
from typing import IO

from kit.files.zip_entries import LOCAL

ZIP64 = 0x0001
_HEAD = struct.Struct("<2H")
_UNICODE_PATH = 0x7075  # its name is compared elsewhere
_KNOWN = {
    0x5455: 13,  # Info-ZIP: three times
    0x7875: 24,  # Info-ZIP: user and group
    0x7855: 8,  # Info-ZIP: user and group, shorter
    0x5855: 12,  # Info-ZIP: times, user and group of old
    0x000A: 32,  # NTFS: three times
    0xCAFE: 0,  # the mark of Java's jar
    _UNICODE_PATH: 5 + 1024,
}


def local_extra(file: IO[bytes], info: zipfile.ZipInfo) -> bytes:
    """The extra fields of the header before a member's content; empty if the header is damaged."""
    file.seek(info.header_offset)
    record = file.read(LOCAL.size)
    if len(record) < LOCAL.size:
        return b""
    *_, name_length, extra_length = LOCAL.unpack(record)
    file.seek(name_length, 1)
    return file.read(extra_length)


def fields(extra: bytes) -> Iterator[tuple[int, int]]:
    """The kind and the length of each field; a kind of -1 for a rest that is no field."""
    while extra:
        if len(extra) < _HEAD.size:
            yield -1, len(extra)
            return
        kind, length = _HEAD.unpack_from(extra)
        yield (kind if _HEAD.size + length <= len(extra) else -1), length
        extra = extra[_HEAD.size + length :]


def has_zip64(extra: bytes) -> bool:
    return any(kind == ZIP64 for kind, _ in fields(extra))


def has_hidden_bytes(extra: bytes) -> bool:
    """Whether there is a field that no common packer writes, or more in it, or one of them twice."""
    found = list(fields(extra))
    kinds = [kind for kind, _ in found]
    return len(set(kinds)) < len(kinds) or any(length > _KNOWN.get(kind, -1) for kind, length in found)
