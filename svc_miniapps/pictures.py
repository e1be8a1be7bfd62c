"""The kind and the size of a picture, by its content. Its headers are read, it is never unpacked."""

import struct
from dataclasses import dataclass

_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"IEND\xaeB`\x82"
_JPEG, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_ANIMATED = 0x02
"""Among the flags of an extended WebP file."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TWO_BYTES = struct.Struct(">H")
_FRAME = struct.Struct(">HBHH")


@dataclass(frozen=True)
class Picture:
    media_type: str
    width: int
    height: int


def picture_of(content: bytes) -> Picture | None:
    """None for anything but one whole PNG, JPEG or WebP picture: SVG, HTML, animations, files with something behind."""
    try:
        if content.startswith(_PNG) and content.endswith(_PNG_END) and b"acTL" not in content:
            return Picture("image/png", *struct.unpack_from(">II", content, len(_PNG)))
        if content.startswith(_JPEG) and content.endswith(_JPEG_END):
            return _jpeg(content)
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP" and _riff_bytes(content) == len(content):
            return _webp(content)
    except (struct.error, IndexError):
        pass
    return None


def _jpeg(content: bytes) -> Picture | None:
    at = 2
    while content[at] == 0xFF:  # noqa: PLR2004 - how each marker begins
        code = content[at + 1]
        if code in _FRAMES:
            _length, _precision, height, width = _FRAME.unpack_from(content, at + 2)
            return Picture("image/jpeg", width, height)
        at += 1 if code == 0xFF else 2 + _TWO_BYTES.unpack_from(content, at + 2)[0]  # noqa: PLR2004 - a filling byte
    return None


def _riff_bytes(content: bytes) -> int:
    return 8 + int.from_bytes(content[4:8], "little")


def _webp(content: bytes) -> Picture | None:
    kind, at = content[12:16], 20
    if kind == b"VP8X" and not content[at] & _ANIMATED:
        width, height = (int.from_bytes(content[at + place : at + place + 3], "little") + 1 for place in (4, 7))
    elif kind == b"VP8L" and content[at] == 0x2F:  # noqa: PLR2004 - its signature
        bits = int.from_bytes(content[at + 1 : at + 5], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 " and content[at + 3 : at + 6] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", content, at + 6))
    else:
        return None
    return Picture("image/webp", width, height)
