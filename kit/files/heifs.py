"""HEIC pictures of phones (ISO/IEC 23008-12): boxes walked to the last byte, none of which is a film or unknown."""

import struct
from collections.abc import Iterator

from kit.files.pictures import require_pixels
from kit.files.refusals import DocumentAmbiguous, DocumentDamaged, DocumentUnknown

_HEAD, _LARGE, _BRANDS_AT = struct.Struct(">I4s"), struct.Struct(">Q"), 8
_EXTENT = struct.Struct(">II")
_VERSION_BYTES = 4
_MOST = 10_000
"""Boxes in a box; a picture of tiles has some hundred."""
_STILL = frozenset((b"heic", b"heix", b"heim", b"heis"))
_CONTAINERS = {b"mif1", *_STILL}
_TOP = frozenset((b"ftyp", b"meta", b"mdat", b"free", b"skip"))
"""`moov` is a film, and vendors append films in boxes of their own."""
Box = tuple[bytes, memoryview]


def is_heif(content: bytes) -> bool:
    """Whether it begins as a file of still pictures."""
    return content[4:8] == b"ftyp" and content[8:12] in _CONTAINERS


def require_heif(content: bytes) -> None:
    """Walk the boxes of a picture; its compressed data is not decoded.

    Raises:
        DocumentUnknown, DocumentDamaged, DocumentAmbiguous, DocumentTooLarge
    """
    boxes = list(_boxes(memoryview(content)))
    kinds = [kind for kind, _ in boxes]
    if not set(kinds) <= _TOP:
        raise DocumentAmbiguous
    if kinds.count(b"ftyp") != 1 or kinds.count(b"meta") != 1 or b"mdat" not in kinds:
        raise DocumentDamaged
    brands = bytes(boxes[0][1])
    if not _STILL & {brands[at : at + 4] for at in (0, *range(_BRANDS_AT, len(brands), 4))}:
        raise DocumentUnknown
    _require_sizes(boxes[kinds.index(b"meta")][1][_VERSION_BYTES:])


def _require_sizes(meta: memoryview) -> None:
    """The size of each picture and tile, which the properties state."""
    properties = _only(_only(meta, b"iprp"), b"ipco")
    sizes = [body for kind, body in _boxes(properties) if kind == b"ispe"]
    if not sizes:
        raise DocumentDamaged
    for body in sizes:
        if len(body) != _VERSION_BYTES + _EXTENT.size:
            raise DocumentDamaged
        require_pixels(*_EXTENT.unpack(body[_VERSION_BYTES:]))


def _only(within: memoryview, wanted: bytes) -> memoryview:
    found = [body for kind, body in _boxes(within) if kind == wanted]
    if len(found) != 1:
        raise DocumentDamaged
    return found[0]


def _boxes(content: memoryview) -> Iterator[Box]:
    """Each box ends where the next one begins, and the last one with its container."""
    at = count = 0
    while at < len(content):
        try:
            length, kind = _HEAD.unpack_from(content, at)
            begin = at + _HEAD.size
            if length == 1:  # a 64-bit length follows
                (length,) = _LARGE.unpack_from(content, begin)
                begin += _LARGE.size
        except struct.error:
            raise DocumentDamaged from None
        # A length of 0, to the end of the file, leaves room for another file.
        count += 1
        if count > _MOST or length < begin - at or at + length > len(content):
            raise DocumentDamaged
        yield bytes(kind), content[begin : at + length]
        at += length
