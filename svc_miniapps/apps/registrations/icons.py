"""Icons: PNG, JPEG or WebP by content, square and of bounded size. Headers are read, nothing is decoded."""

import struct
from collections.abc import Callable, Iterator

from chassis.problems import Problem

MAX_BYTES = 200_000
_SIDES = range(48, 1025)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the frames of a JPEG; three among them are tables."""
_PNG_HEADER, _WEBP_HEADER = 33, 30
Size = tuple[int, int]


class IconRefused(Problem):
    status, code = 422, "icon_refused"


def inspected(content: bytes) -> tuple[str, int]:
    """The media type and the side of an icon.

    Raises:
        IconRefused
    """
    for media_type, size_of in _READERS.items():
        size = size_of(content)
        if size and len(content) <= MAX_BYTES and size[0] == size[1] and size[0] in _SIDES:
            return media_type, size[0]
    raise IconRefused(kilobytes=MAX_BYTES // 1000)


def _png(content: bytes) -> Size | None:
    if not content.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR") or len(content) < _PNG_HEADER:
        return None
    width, height = struct.unpack(">II", content[16:24])
    # An animation is no icon.
    return None if b"acTL" in content or not content.endswith(b"IEND\xaeB`\x82") else (width, height)


def _jpeg(content: bytes) -> Size | None:
    if not content.startswith(b"\xff\xd8\xff") or not content.endswith(b"\xff\xd9"):
        return None
    for marker, at in _segments(content):
        if marker in _JPEG_FRAMES and len(content) >= at + 9:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
    return None


def _segments(content: bytes) -> Iterator[tuple[int, int]]:
    at = 2
    while at + 4 <= len(content) and content[at : at + 1] == b"\xff":
        yield content[at + 1], at
        at += 2 + int(struct.unpack(">H", content[at + 2 : at + 4])[0])


def _webp(content: bytes) -> Size | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP" or len(content) < _WEBP_HEADER:
        return None
    if struct.unpack("<I", content[4:8])[0] + 8 != len(content):
        return None
    if content[12:16] == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", content[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if content[12:16] == b"VP8L" and content[20:21] == b"\x2f":
        bits = struct.unpack("<I", content[21:25])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


_READERS: dict[str, Callable[[bytes], Size | None]] = {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp}
