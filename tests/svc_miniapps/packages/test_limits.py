"""Limits of a package: zip bombs, sizes, counts, and overlapping files."""

import random
import time
import tracemalloc
import zlib

import pytest

from svc_miniapps.packages.checks import archive
from tests.svc_miniapps.packages.inspected import codes, entries, findings, package
from tests.svc_miniapps.sample_packages import Entry, Package, zipped

MEBIBYTE = 1024 * 1024


def deflated(length: int) -> bytes:
    """Zeros, compressed."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(bytes(length)) + deflate.flush()


def test_a_zip_bomb_is_refused_by_its_ratio_without_being_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    length = 16 * MEBIBYTE
    bomb = zipped([*entries(), Entry(b"common/bomb", data=deflated(length), unpacked=length)])
    unpacked = 0
    real = zlib.crc32

    def counting(data: bytes, start: int = 0) -> int:
        nonlocal unpacked
        unpacked += len(data)
        return real(data, start)

    monkeypatch.setattr(zlib, "crc32", counting)
    assert findings(bomb) == [("ratio_too_high", "common/bomb")]
    assert 0 < unpacked < 10_000


def test_a_zip_bomb_is_not_unpacked_beyond_its_declared_size() -> None:
    bomb = Entry(b"common/bomb", data=deflated(50 * MEBIBYTE), unpacked=1000, crc=zlib.crc32(bytes(1000)))
    assert findings(zipped([*entries(), bomb])) == [("damaged_file", "common/bomb")]


def test_bytes_after_the_end_of_a_compressed_file_are_refused() -> None:
    """Readers differ in what they take for the file."""
    padded = Entry(b"common/a", bytes(20), data=deflated(20) + b"more")
    assert findings(zipped([*entries(), padded])) == [("damaged_file", "common/a")]


@pytest.mark.parametrize(
    "manifest",
    [
        '{"pages": [' + "1," * 120_000 + "1]}",
        '{"pages": [' + "{}," * 80_000 + "{}]}",
        '{"icons": [' + '{"src":1},' * 25_000 + "{}]}",
        '{"pages": [' + '"x",' * 60_000 + '"x"]}',
        "{" + ",".join(f'"{n}":1' for n in range(25_000)) + "}",
    ],
    ids=["numbers", "objects", "icons", "pages", "members"],
)
def test_a_small_package_with_very_many_faults_takes_little_memory(manifest: str) -> None:
    content = Package(manifest.encode()).packed()
    assert len(content) < 200_000
    tracemalloc.start()
    try:
        found = findings(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == [("manifest_too_many_values", "manifest.json")]
    assert peak < 32 * MEBIBYTE


def test_members_with_very_long_names_take_little_memory() -> None:
    long = [Entry(b"common/" + b"/".join([b"%d" % n] * 19) + b"/" + b"x" * 60_000) for n in range(50)]
    content = zipped([*entries(), *long])
    tracemalloc.start()
    try:
        found = findings(content)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert {code for code, _ in found} == {"name_too_long", "too_deep", "too_many_findings"}
    assert peak < 64 * MEBIBYTE


def test_small_files_may_compress_well() -> None:
    assert findings(zipped([*entries(), Entry(b"common/grid.txt", b" " * (MEBIBYTE - 1))])) == []


@pytest.mark.parametrize("length", [*range(65_530, 65_545), *range(131_060, 131_080), 65_536 * 3 + 258, 999_999])
def test_files_around_the_block_size_are_unpacked_completely(length: int) -> None:
    """Lengths around the size of a block, with content that compresses well and content that does not."""
    dense = b"ID3" + random.Random(length).randbytes(length - 3)  # noqa: S311 - reproducible
    members = [Entry(b"common/even.txt", b" " * length), Entry(b"common/dense.mp3", dense)]
    assert findings(zipped([*entries(), *members])) == []


def test_a_file_that_is_too_large_is_refused() -> None:
    size = archive.MAX_MEMBER_BYTES + 1
    large = Entry(b"common/video", b"a film", unpacked=size)
    assert ("file_too_large", "common/video") in findings(zipped([*entries(), large]))


def test_files_that_are_too_large_together_are_refused() -> None:
    # 300 KB packed and 19 MB unpacked each: below every limit but that of the sum.
    parts = [Entry(f"common/{place}".encode(), data=bytes(300_000), unpacked=19 * MEBIBYTE) for place in range(4)]
    assert findings(zipped([*entries(), *parts])) == [("unpacked_too_large", None)]


def test_too_many_files_are_refused_before_their_directory_is_read() -> None:
    many = [Entry(f"common/{place}".encode()) for place in range(archive.MAX_MEMBERS)]
    assert findings(zipped([*entries(), *many])) == [("too_many_files", None)]


def test_overlapping_files_are_refused() -> None:
    """Overlapping files unpack to far more than the size of the archive."""
    sound = zipped(entries())
    twin = Entry(b"app.js", b"App({})", offset=0)
    assert "overlapping" in codes(zipped([*entries()[:1], *entries()[2:], twin]))
    assert codes(sound) == set()


def test_an_oversized_manifest_is_not_read() -> None:
    large = Package(b" " * 300_000, package().files)
    assert findings(large.packed()) == [("manifest_too_large", "manifest.json")]


def test_names_with_thousands_of_folders_are_refused_quickly() -> None:
    deep = [Entry(f"{place}/".encode() + b"d/" * 30_000 + b"a") for place in range(100)]
    started = time.process_time()
    assert codes(zipped([*entries(), *deep])) == {"name_too_long", "too_deep", "too_many_findings"}
    assert time.process_time() - started < 5
