"""ZIP files that every reader reads alike, and the one file in them."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping

import pytest

from chassis.problems import ContentTooLarge, Problem
from kit.files.archives import Archive, BrokenError, only_file
from kit.files.refusals import ArchiveUnclear, WrongFileKind, ZipBroken

LIMIT = 1024 * 1024
CSV, SUMS = re.compile(r"\.csv$", re.IGNORECASE), re.compile("sums")


def zipped(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return archive.getvalue()


def only(content: bytes) -> bytes:
    return b"".join(only_file(io.BytesIO(content), LIMIT, CSV, SUMS))


@pytest.mark.parametrize(
    "files",
    [
        {"a.csv": b"1"},
        {"A.CSV": b"1", "sums.csv": b"2"},
        {"a/": b"", "a/b.csv": b"1", "__MACOSX/a/._b.csv": b"2", "a/.DS_Store": b"3"},
    ],
)
def test_the_one_file_is_found(files: Mapping[str, bytes]) -> None:
    assert only(zipped(files)) == b"1"


@pytest.mark.parametrize(
    ("files", "refusal"),
    [
        ({"a.csv": b"1", "b.csv": b"2"}, ArchiveUnclear),
        ({"a.csv": b"1", "b.txt": b"2"}, ArchiveUnclear),
        ({"a.csv": b"1", "a.csv/__MACOSX/b.csv": b"2"}, ArchiveUnclear),
        ({"a.csv": b"1", "__MACOSX/b.csv": b"2"}, ArchiveUnclear),
        ({"a.csv": b"1", "b.csv/": b"2"}, ZipBroken),
        ({"a.csv": b"1", "A.CSV": b"2"}, ZipBroken),
        ({"a.txt": b"1"}, ArchiveUnclear),
        ({"sums.csv": b"1"}, ArchiveUnclear),
        ({"a.csv": bytes(LIMIT + 1)}, ContentTooLarge),
        ({".DS_Store": b"1", "a/": b""}, ZipBroken),
        ({"[Content_Types].xml": b"1", "xl/workbook.xml": b"2"}, WrongFileKind),
    ],
)
def test_of_several_files_none_is_chosen(files: Mapping[str, bytes], refusal: type[Problem]) -> None:
    with pytest.raises(refusal):
        only(zipped(files))


def test_a_file_that_no_directory_names_is_not_passed_over() -> None:
    hidden, shown = zipped({"a.csv": b"1"}), zipped({"a.csv": b"2"})
    first = hidden[: hidden.index(b"PK\x01\x02")]
    with pytest.raises(ZipBroken):
        only(first + shown)
    # The same with offsets made to fit, so that no reader sees anything before the archive.
    at = shown.index(b"PK\x01\x02")
    directory = bytearray(shown[at:])
    directory[42:46] = struct.pack("<L", len(first))
    end = directory.index(b"PK\x05\x06")
    directory[end + 16 : end + 20] = struct.pack("<L", len(first) + at)
    with pytest.raises(ZipBroken):
        only(first + shown[:at] + bytes(directory))


def test_more_packed_than_the_directory_says_is_refused() -> None:
    """`zipfile` stops at the stated length, and the checksum of that part fits."""
    content = bytearray(zipped({"a.csv": b"first\nsecond\n"}))
    for at in (14, content.index(b"PK\x01\x02") + 16):
        content[at : at + 4] = struct.pack("<L", zlib.crc32(b"first\n"))
        content[at + 8 : at + 12] = struct.pack("<L", len(b"first\n"))
    assert zipfile.ZipFile(io.BytesIO(content)).read("a.csv") == b"first\n"
    with pytest.raises(ZipBroken):
        only(bytes(content))


def test_names_are_read_as_chinese_tools_write_them() -> None:
    raw = zipped({"a" * 8: b"1"}).replace(b"a" * 8, "账单明细".encode("gbk"))
    assert list(Archive(io.BytesIO(raw), LIMIT, 5).parts) == ["账单明细"]


def test_too_many_parts_are_refused_unread() -> None:
    with pytest.raises(ContentTooLarge):
        only(zipped({f"{number}.csv": b"" for number in range(1_001)}))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    with pytest.raises(ZipBroken):
        only(content)
    if len(content) < len(b"PK\x05\x06") + 18:
        with pytest.raises(BrokenError):
            Archive(io.BytesIO(content), LIMIT, 5)
