"""Pictures are read whole: what decoders could see otherwise is none."""

import struct
import tracemalloc
import zlib

import pytest

from svc_miniapps.pictures import Picture, picture_of
from tests.svc_miniapps.sample_packages import PNG
from tests.svc_miniapps.sample_pictures import CLEAR_WEBP, JPEG, LIES, LOSSLESS_WEBP, WEBP, chunk, header, png


@pytest.mark.parametrize("content", [JPEG, WEBP, LOSSLESS_WEBP, CLEAR_WEBP], ids=["JPEG", "VP8", "VP8L", "VP8X"])
def test_ordinary_pictures_are_taken(content: bytes) -> None:
    picture = picture_of(content)
    assert picture
    assert (picture.width, picture.height) == (48, 48)


@pytest.mark.parametrize(
    ("content", "sides"),
    [
        (PNG, (1, 1)),
        (png([chunk(b"tEXt", b"Software\0a"), chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(3_000)))]), (48, 48)),
        (png([chunk(b"IDAT")]), (48, 48)),
        (png(head=header(9, 2, 1), pixels=zlib.compress(bytes(6))), (9, 2)),
        (png([chunk(b"PLTE", bytes(6))], head=header(5, 2, 4, 3), pixels=zlib.compress(bytes(8))), (5, 2)),
        (png(head=header(2, 2, 16, 6), pixels=zlib.compress(bytes(34))), (2, 2)),
    ],
)
def test_any_ordinary_png_is_taken(content: bytes, sides: tuple[int, int]) -> None:
    assert picture_of(content) == Picture("image/png", *sides)


def test_an_interlaced_png_has_the_bytes_of_its_passes() -> None:
    right = sum(rows * (1 + columns) for columns, rows in [(1, 1), (1, 1), (1, 2), (2, 1), (1, 3), (3, 2)])
    for size in (right - 1, right, right + 1):
        content = png(head=header(3, 5, interlaced=1), pixels=zlib.compress(bytes(size)))
        assert (picture_of(content) is not None) == (size == right), size


@pytest.mark.parametrize("content", LIES.values(), ids=LIES)
def test_what_decoders_could_see_otherwise_is_no_picture(content: bytes) -> None:
    assert picture_of(content) is None


def test_every_cut_of_a_picture_is_refused() -> None:
    for whole in (png(), JPEG, WEBP, LOSSLESS_WEBP, CLEAR_WEBP):
        assert [length for length in range(len(whole)) if picture_of(whole[:length])] == []


def test_huge_sides_are_told_and_not_inflated() -> None:
    huge = png(head=header(2**31 - 1, 2**31 - 1), pixels=zlib.compress(bytes(30 << 20)))
    tracemalloc.start()
    picture = picture_of(huge)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert picture
    assert picture.width == struct.unpack(">L", huge[16:20])[0]
    assert peak < 1 << 20


def test_bombs_are_given_up_early() -> None:
    tracemalloc.start()
    assert picture_of(LIES["a bomb of pixels"]) is None
    assert picture_of(LIES["a bomb of a profile"]) is None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20
