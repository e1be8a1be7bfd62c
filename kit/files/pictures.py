"""JPEG and PNG pictures, walked from the first byte to the last, so that nothing stands before, between or after."""

import re
import struct
import zlib

from kit.files.picture_lists import LIST_MARK, listed_pictures
from kit.files.refusals import DocumentAmbiguous, DocumentDamaged, DocumentTooLarge

MOST_PIXELS = 120_000_000
"""A larger picture could exhaust the memory of the phone or browser that shows it."""
_SOI, _EOI, _SOS, _TEM, _APP2 = 0xD8, 0xD9, 0xDA, 0x01, 0xE2
_RESTARTS = range(0xD0, 0xD8)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff+([^\x00\xff])", re.DOTALL)
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL)
"""The end of compressed data, in which FF is followed by 00 or by a restart."""
_LENGTH, _SIZE = struct.Struct(">H"), struct.Struct(">HH")
_SIZE_AT = 3

_CHUNK, _CRC = struct.Struct(">I4s"), struct.Struct(">I")
_IHDR = struct.Struct(">II5B")
_SIGNATURE_BYTES = 8


def require_jpeg(content: bytes) -> None:
    """One picture, and after it only those that it lists itself (CIPA DC-007): smaller or brighter versions of it.

    Raises:
        DocumentDamaged, DocumentAmbiguous, DocumentTooLarge
    """
    content = content.rstrip(b"\0")  # some cameras fill the last block of the card
    listed: list[bytes] = []
    at = _end_of_jpeg(content, 2, listed)
    begins = listed_pictures(content, listed[0]) if listed else set()
    while at < len(content):
        if at not in begins or not content.startswith(b"\xff\xd8", at):
            raise DocumentAmbiguous
        at = _end_of_jpeg(content, at + 2, [])


def _end_of_jpeg(content: bytes, at: int, lists: list[bytes]) -> int:
    framed = scanned = False
    while True:
        marker = _MARKER.match(content, at)
        if marker is None:
            raise DocumentDamaged
        code, at = marker[1][0], marker.end()
        if code == _EOI:
            if not (framed and scanned):
                raise DocumentDamaged
            return at
        if code == _SOI:
            raise DocumentDamaged
        if code == _TEM or code in _RESTARTS:
            continue
        framed |= code in _FRAMES
        scanned |= code == _SOS
        begin, at = at, _end_of_segment(content, at, code)
        if code == _APP2 and content.startswith(LIST_MARK, begin + _LENGTH.size):
            lists.append(content[begin + _LENGTH.size : at])


def _end_of_segment(content: bytes, at: int, code: int) -> int:
    try:
        (length,) = _LENGTH.unpack_from(content, at)
        if code in _FRAMES:
            require_pixels(*_SIZE.unpack_from(content, at + _SIZE_AT))
    except struct.error:
        raise DocumentDamaged from None
    at += length
    if length < _LENGTH.size or at > len(content):
        raise DocumentDamaged
    if code != _SOS:
        return at
    found = _AFTER_SCAN.search(content, at)
    if found is None:
        raise DocumentDamaged
    return found.start()


def require_png(content: bytes) -> None:
    """The chunks of a picture with their checksums; packed ones are never unpacked.

    Raises:
        DocumentDamaged, DocumentAmbiguous, DocumentTooLarge
    """
    at, seen = _SIGNATURE_BYTES, list[bytes]()
    while not seen or seen[-1] != b"IEND":
        kind, body, at = _chunk(content, at)
        if (kind == b"IHDR") == bool(seen):  # first, and once
            raise DocumentDamaged
        if kind == b"IHDR":
            _require_header(body)
        seen.append(kind)
    if b"IDAT" not in seen:
        raise DocumentDamaged
    if at != len(content):
        raise DocumentAmbiguous


def _chunk(content: bytes, at: int) -> tuple[bytes, memoryview, int]:
    try:
        length, kind = _CHUNK.unpack_from(content, at)
        body = memoryview(content)[at + _CHUNK.size : at + _CHUNK.size + length]
        (checksum,) = _CRC.unpack_from(content, at + _CHUNK.size + length)
    except struct.error:
        raise DocumentDamaged from None
    if zlib.crc32(body, zlib.crc32(kind)) != checksum:
        raise DocumentDamaged
    return kind, body, at + _CHUNK.size + length + _CRC.size


def _require_header(body: memoryview) -> None:
    if len(body) != _IHDR.size:
        raise DocumentDamaged
    width, height, *_ = _IHDR.unpack(body)
    require_pixels(width, height)


def require_pixels(width: int, height: int) -> None:
    """Check the size that a picture states.

    Raises:
        DocumentDamaged, DocumentTooLarge
    """
    if not width or not height:
        raise DocumentDamaged
    if width * height > MOST_PIXELS:
        raise DocumentTooLarge
