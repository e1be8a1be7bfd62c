"""Documents as scanners, phones and attackers make them."""

import struct
import zlib
from typing import Final

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int = 2, height: int = 2, *more: bytes) -> bytes:
    header = struct.pack(">II5B", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + bytes(width)) * min(height, 2))
    return PNG_SIGNATURE + chunk(b"IHDR", header) + b"".join(more) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg(width: int = 8, height: int = 8, *more: bytes) -> bytes:
    """The parts of a picture in their order; its compressed data has a stuffed byte and a restart."""
    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    scan = segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x12\xff\x00\x34\xff\xd0\x56"
    return b"\xff\xd8" + segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0") + b"".join(more) + frame + scan + b"\xff\xd9"


def jpegs(count: int = 2, *, shift: int = 0, order: str = ">") -> bytes:
    """A picture with a list of those after it (CIPA DC-007); `shift` makes the list wrong."""
    mark = b"MM\0*" if order == ">" else b"II*\0"
    size = len(jpeg(8, 8, segment(0xE2, bytes(4 + 8 + 2 + 12 + 16 * count))))
    base = jpeg(8, 8, segment(0xE2, b"MPF\0" + bytes(8 + 2 + 12 + 16 * count))).index(b"MPF\0") + 4
    begins = [0, *(size + number * len(jpeg()) - base + shift for number in range(count - 1))]
    entries = b"".join(struct.pack(f"{order}IIIHH", 0, 0, begin, 0, 0) for begin in begins)
    body = mark + struct.pack(f"{order}IHHHII", 8, 1, 0xB002, 7, 16 * count, 22) + entries
    return jpeg(8, 8, segment(0xE2, b"MPF\0" + body)) + jpeg() * (count - 1)


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def heic(width: int = 4032, height: int = 3024, *more: bytes, brand: bytes = b"heic") -> bytes:
    """The boxes of a phone's picture, with further ones at the end."""
    size = box(b"ispe", bytes(4), struct.pack(">II", width, height))
    properties = box(b"iprp", box(b"ipco", box(b"hvcC", bytes(20)), size), box(b"ipma", bytes(8)))
    meta = box(b"meta", bytes(4), box(b"hdlr", bytes(8) + b"pict" + bytes(13)), properties)
    return box(b"ftyp", brand, bytes(4), b"mif1", brand) + meta + box(b"mdat", b"\x12\x34" * 50) + b"".join(more)


def pdf(*objects: bytes, tail: bytes = b"") -> bytes:
    """A PDF file of a page, with further objects."""
    body = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    body += b"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n"
    body += b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>\nendobj\n"
    for number, content in enumerate(objects, 4):
        body += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    return body + b"trailer\n<< /Root 1 0 R /Size 4 >>\nstartxref\n0\n%%EOF\n" + tail


def stream(content: bytes, entries: bytes = b"/Filter /FlateDecode") -> bytes:
    return b"<< " + entries + f" /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"


def packed(content: bytes, entries: bytes = b"/Type /ObjStm /N 1 /First 4") -> bytes:
    return stream(zlib.compress(content), entries + b" /Filter /FlateDecode")
