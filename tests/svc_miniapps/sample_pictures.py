"""Small pictures of each kind that icons may have, as an ordinary program writes them, and ones that lie."""

import struct
import zlib
from collections.abc import Sequence

JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb00430050373c463c32504641465a55505f78c882786e6e78f5afb991"
    "c8ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffdb004301555a5a786978"
    "eb8282ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffc00011080030003003012200021101031101ffc4001500010100000000000000000000000000000002"
    "ffc40014100100000000000000000000000000000000ffc4001501010100000000000000000000000000000003ffc4001411"
    "0100000000000000000000000000000000ffda000c03010002110311003f00801644000000000000000000000001ffd9"
)
WEBP = bytes.fromhex(
    "52494646420000005745425056503820360000003003009d012a300030003fcde6ee713fb7b22ba38803f039896700001b81"
    "bd3e0e0000febbb7f832db687dfdef4b5c14c47401000000"
)
LOSSLESS_WEBP = bytes.fromhex(
    "5249464624000000574542505650384c170000002f2fc00b000750bc2a14b9ff012021fc5f2f46f43ff50000"
)
CLEAR_WEBP = bytes.fromhex(
    "524946466c00000057454250565038580a000000100000002f00002f0000414c504810000000010750b288080009e1ff7a31"
    "a2ffa90756503820360000003003009d012a300030003fcde6ee713fb7b22ba38803f039896700001b81bd3e0e0000febbb7"
    "f832db687dfdef4b5c14c47401000000"
)
"""An extended file: a canvas, transparency and one frame."""
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SIDE = 48
_PIXELS = zlib.compress(bytes((1 + _SIDE) * _SIDE))


def chunk(kind: bytes, data: bytes = b"", checksum: int | None = None) -> bytes:
    true = zlib.crc32(kind + data)
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", true if checksum is None else checksum)


def header(width: int = _SIDE, height: int = _SIDE, depth: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">2L5B", width, height, depth, colour, 0, 0, interlaced))


def png(chunks: Sequence[bytes] = (), *, head: bytes = header(), pixels: bytes = _PIXELS, behind: bytes = b"") -> bytes:
    """A grey square; `chunks` stand between its header and its pixels."""
    return _SIGNATURE + head + b"".join(chunks) + chunk(b"IDAT", pixels) + chunk(b"IEND") + behind


def _riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<L", len(body)) + body


_BOMB = zlib.compress(bytes(30 << 20), 9)
_CANVAS = b"VP8X" + struct.pack("<L", 10)
_FRAME = WEBP[12:]
_BIG_JPEG_FRAME = bytes.fromhex("ffc0000b08232823280101110000")[:13]
LIES = {
    "no pixels": _SIGNATURE + header() + chunk(b"IEND"),
    "a wrong checksum": png([chunk(b"tEXt", b"a\0b", checksum=0)]),
    "a wrong checksum of pixels": _SIGNATURE + header() + chunk(b"IDAT", _PIXELS, 1) + chunk(b"IEND"),
    "no deflated pixels": png(pixels=b"garbage" * 20),
    "too few pixels": png(pixels=zlib.compress(bytes(40))),
    "one byte too many": png(pixels=zlib.compress(bytes(49 * 48 + 1))),
    "a bomb of pixels": png(pixels=_BOMB),
    "bytes behind the pixels": png(pixels=_PIXELS + b"evil"),
    "pixels that do not end": png(pixels=_PIXELS[:-1]),
    "a bomb of a profile": png([chunk(b"iCCP", b"a\0\0" + _BOMB)]),
    "a bomb of a text": png([chunk(b"zTXt", b"a\0\0" + _BOMB)]),
    "a packed text": png([chunk(b"iTXt", b"a\0\1\0\0\0" + _BOMB)]),
    "two headers": png([header(9000, 9000)]),
    "another first chunk": png(head=chunk(b"gAMA", bytes(4)) + header()),
    "two ends": png(behind=chunk(b"IEND")),
    "bytes behind": png(behind=b"more"),
    "an end with content": _SIGNATURE + header() + chunk(b"IDAT", _PIXELS) + chunk(b"IEND", b"evil"),
    "pixels in two places": png([chunk(b"IDAT", _PIXELS[:9]), chunk(b"gAMA", bytes(4))], pixels=_PIXELS[9:]),
    "colour type 7": png(head=header(colour=7)),
    "a depth of 3": png(head=header(depth=3)),
    "a palette that is missing": png(head=header(colour=3)),
    "an unknown critical chunk": png([chunk(b"EVIL")]),
    "an animation": png([chunk(b"acTL", bytes(8))]),
    "a ZIP file in a text": png([chunk(b"tEXt", b"a\0PK\5\6" + bytes(18))]),
    "a JPEG without a scan": JPEG[: JPEG.index(b"\xff\xda")] + b"\xff\xd9",
    "a JPEG with two frames": JPEG.replace(b"\xff\xc4", _BIG_JPEG_FRAME + b"\xff\xc4", 1),
    "a JPEG without a frame": JPEG.replace(b"\xff\xc0", b"\xff\xe1"),
    "a JPEG with bytes behind": JPEG + b"more",
    "a JPEG behind a JPEG": JPEG + JPEG,
    "a JPEG that does not end": JPEG[:-2],
    "a JPEG with a ZIP file": JPEG[:2] + b"\xff\xe1\0\x1cExif" + b"PK\5\6" + bytes(18) + JPEG[2:],
    "a WebP of two sizes": _riff(_CANVAS + bytes(4) + bytes([63, 0, 0, 63, 0, 0]), _FRAME),
    "a WebP with two frames": _riff(_CANVAS + bytes(4) + bytes([47, 0, 0, 47, 0, 0]), _FRAME, _FRAME),
    "an animated WebP": _riff(_CANVAS + bytes([2, 0, 0, 0, 47, 0, 0, 47, 0, 0]), _FRAME),
    "a WebP without a frame": _riff(_CANVAS + bytes(4) + bytes([47, 0, 0, 47, 0, 0])),
    "a WebP of a header": _riff(b"VP8 " + struct.pack("<L", 10) + WEBP[20:30]),
    "a lossless WebP of a header": _riff(b"VP8L" + struct.pack("<L", 5) + LOSSLESS_WEBP[20:25] + b"\0"),
    "a WebP with an unknown chunk": _riff(_CANVAS + bytes(4) + bytes([47, 0, 0, 47, 0, 0]), _FRAME, b"EVIL" + bytes(4)),
    "a WebP with bytes behind": WEBP + b"more",
}
"""None of them is a picture, although its header says so."""
