"""The kind and the size of a picture, by its content: whole, one frame, and nothing that a decoder could see otherwise.

PNG is inflated, at most as far as its header says. JPEG and WebP are read from mark to mark, never decoded.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER = struct.Struct(">2L5B")
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The first column and row of each pass of an interlaced picture, and the steps."""
_ANIMATION = (b"acTL", b"fcTL", b"fdAT")
_PROFILE = b"iCCP"
_PACKED_TEXTS = (b"zTXt", b"iTXt")
_MOST_PROFILE = 1 << 20
_MOST_PIXELS = 4096 * 4096
"""Larger pictures are not inflated: every caller refuses them by their sides."""
_PIECE = 64 * 1024
_ZIP_END = b"PK\x05\x06"
"""A ZIP file may stand in front of what follows it, such as in the description of a photograph."""


@dataclass(frozen=True)
class Picture:
    media_type: str
    width: int
    height: int


class _DamagedError(Exception):
    pass


def picture_of(content: bytes) -> Picture | None:
    """None for anything but one whole PNG, JPEG or WebP picture: SVG, HTML, animations, files with something behind."""
    try:
        _require(_ZIP_END not in content)
        if content.startswith(_PNG):
            return Picture("image/png", *_png(content))
        if content.startswith(b"\xff\xd8\xff"):
            return Picture("image/jpeg", *_jpeg(content))
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return Picture("image/webp", *_webp(content))
    except (_DamagedError, struct.error, IndexError, zlib.error):
        pass
    return None


def _require(holds: object) -> None:
    if not holds:
        raise _DamagedError


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    while at < len(content):
        length, kind = struct.unpack_from(">L4s", content, at)
        data = content[at + 8 : at + 8 + length]
        (checksum,) = struct.unpack_from(">L", content, at + 8 + length)
        _require(checksum == zlib.crc32(kind + data))
        yield kind, data
        at += length + 12


def _png(content: bytes) -> tuple[int, int]:
    chunks = list(_png_chunks(content))
    kinds = [kind for kind, _ in chunks]
    _require(kinds[0] == b"IHDR" and kinds[-1] == b"IEND" and not chunks[-1][1])
    _require(kinds.count(b"IHDR") == kinds.count(b"IEND") == 1 and kinds.count(b"PLTE") <= 1)
    width, height, depth, colour, *methods, interlaced = _PNG_HEADER.unpack(chunks[0][1])
    _require(depth in _DEPTHS.get(colour, ()) and not any(methods) and interlaced in (0, 1))
    first, count = kinds.index(b"IDAT") if b"IDAT" in kinds else 0, kinds.count(b"IDAT")
    _require(first and kinds[first : first + count] == [b"IDAT"] * count)
    _require(colour != 3 or b"PLTE" in kinds[:first])  # noqa: PLR2004 - colours of a palette
    for kind, data in chunks:
        _check_chunk(kind, data)
    if 0 < width * height <= _MOST_PIXELS:
        bits = depth * _CHANNELS[colour]
        passes = list(_passes(width, height, is_interlaced=bool(interlaced)))
        expected = sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in passes)
        _require(_inflated_size((data for kind, data in chunks if kind == b"IDAT"), expected) == expected)
    return width, height


def _check_chunk(kind: bytes, data: bytes) -> None:
    """Other critical chunks are unknown to decoders; packed ones may hold anything of any size."""
    is_critical = not kind[0] & 0x20
    _require(kind.isalpha() and (not is_critical or kind in (b"IHDR", b"PLTE", b"IDAT", b"IEND")))
    _require(kind not in _ANIMATION)
    if kind == _PROFILE or kind == _PACKED_TEXTS[0]:
        _name, _, packed = data.partition(b"\0")
        _inflated_size([packed[1:]], _MOST_PROFILE)
    elif kind == _PACKED_TEXTS[1]:
        _name, _, rest = data.partition(b"\0")
        _require(rest[:1] == b"\0")


def _passes(width: int, height: int, *, is_interlaced: bool) -> Iterator[tuple[int, int]]:
    """Columns and rows of each pass; those of an empty one are not written."""
    if not is_interlaced:
        yield width, height
        return
    for column, row, step, row_step in _ADAM7:
        columns, rows = (width - column + step - 1) // step, (height - row + row_step - 1) // row_step
        if columns > 0 and rows > 0:
            yield columns, rows


def _inflated_size(packed: Iterator[bytes] | list[bytes], limit: int) -> int:
    """How much is packed, at most `limit`; all bytes are needed, and the checksum at their end is right."""
    inflater, size = zlib.decompressobj(), 0
    for piece in packed:
        waiting = piece
        while waiting:
            _require(not inflater.eof)
            size += len(inflater.decompress(waiting, _PIECE))
            _require(size <= limit)
            waiting = inflater.unconsumed_tail
    while not inflater.eof:
        rest = len(inflater.decompress(b"", _PIECE))
        size += rest
        _require(rest and size <= limit)
    _require(not inflater.unused_data)
    return size


_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_FRAMES = (0xC0, 0xC1, 0xC2)
_TABLES = (0xC4, 0xDB, 0xDD)
_METADATA = (*range(0xE0, 0xF0), 0xFE)


def _jpeg(content: bytes) -> tuple[int, int]:
    """One frame of 8 bits and Huffman codes, scans of it, and the end at the end."""
    at, sides, scans = 2, (0, 0), 0
    while True:
        _require(content[at] == 0xFF)  # noqa: PLR2004 - how each mark begins
        code = content[at + 1]
        if code == _END_OF_IMAGE:
            _require(at + 2 == len(content) and scans)
            return sides
        if code == 0xFF:  # noqa: PLR2004 - a filling byte
            at += 1
            continue
        (length,) = struct.unpack_from(">H", content, at + 2)
        _require(length >= 2 and at + 2 + length < len(content))  # noqa: PLR2004 - it counts itself
        if code in _FRAMES:
            _require(not any(sides))
            sides = _frame(content, at + 4, length - 2)
        elif code == _START_OF_SCAN:
            _require(any(sides))
            start = at + 2 + length
            at, scans = _end_of_scan(content, start), scans + 1
            _require(at > start)
            continue
        else:
            _require(code in _TABLES or code in _METADATA)
        at += 2 + length


def _frame(content: bytes, at: int, length: int) -> tuple[int, int]:
    precision, height, width, components = struct.unpack_from(">BHHB", content, at)
    _require(precision == 8 and components in (1, 3, 4) and length == 6 + 3 * components)  # noqa: PLR2004
    _require(width and height)
    return width, height


def _end_of_scan(content: bytes, at: int) -> int:
    """The next mark that is none of the scan's own: those are stuffed zeros and restarts."""
    while 0 <= (at := content.find(b"\xff", at)) < len(content) - 1:
        code = content[at + 1]
        if code and not 0xD0 <= code <= 0xD7:  # noqa: PLR2004
            return at
        at += 2
    raise _DamagedError


_WEBP_FRAMES = (b"VP8 ", b"VP8L")
_EXTENDED, _ALPHA = b"VP8X", b"ALPH"
_BESIDE = (b"ICCP", _ALPHA, b"EXIF", b"XMP ")
_ANIMATED = 0x02
_EXTENDED_BYTES = 10


def _webp(content: bytes) -> tuple[int, int]:
    """One frame, of the size that the header of an extended file says."""
    chunks = list(_riff_chunks(content))
    kinds = [kind for kind, _ in chunks]
    frames = [(kind, data) for kind, data in chunks if kind in _WEBP_FRAMES]
    _require(len(frames) == 1)
    sides = _webp_frame(*frames[0])
    if kinds[0] != _EXTENDED:
        _require(len(chunks) == 1)
        return sides
    head = chunks[0][1]
    _require(len(head) == _EXTENDED_BYTES and not head[0] & _ANIMATED)
    _require(all(kind in (*_BESIDE, *_WEBP_FRAMES) for kind in kinds[1:]) and len(set(kinds)) == len(kinds))
    canvas = tuple(int.from_bytes(head[place : place + 3], "little") + 1 for place in (4, 7))
    _require(canvas == sides)
    return sides


def _riff_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    _require(8 + int.from_bytes(content[4:8], "little") == len(content))
    at = 12
    while at < len(content):
        kind, length = struct.unpack_from("<4sL", content, at)
        _require(at + 8 + length <= len(content))
        yield kind, content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    _require(at == len(content))


def _webp_frame(kind: bytes, data: bytes) -> tuple[int, int]:
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        _require(data[0] == 0x2F and not bits >> 29 and len(data) > 5)  # noqa: PLR2004 - signature, version, header
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    # A key frame that is shown, whose first partition is there and is not all.
    tag = int.from_bytes(data[:3], "little")
    _require(data[3:6] == b"\x9d\x01\x2a" and not tag & 1 and tag >> 4 & 1 and 10 + (tag >> 5) < len(data))
    width, height = (side & 0x3FFF for side in struct.unpack_from("<2H", data, 6))
    _require(width and height)
    return width, height
