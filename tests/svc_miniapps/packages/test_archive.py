"""The ZIP container: a sound one is accepted, a broken or ambiguous one is refused by its own finding."""

import io
import stat
import struct
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from tests.svc_miniapps.packages.inspected import codes, entries, findings, package
from tests.svc_miniapps.sample_packages import Entry, zipped

MEBIBYTE = 1024 * 1024


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_sound_package_is_accepted(compression: int) -> None:
    assert findings(package().packed(compression)) == []


def test_a_package_written_byte_by_byte_is_accepted() -> None:
    """The baseline of the tests below: they are refused for the one thing they change."""
    assert findings(zipped(entries())) == []


def test_a_package_packed_as_a_stream_is_accepted() -> None:
    """Sizes and checksums then follow the content."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
            self.written += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in package().content.items():
            target.writestr(name, content)
    assert findings(bytes(pipe.written)) == []


def test_folders_may_have_entries_of_their_own() -> None:
    folders = [Entry(b"pages/", mode=stat.S_IFDIR | 0o755), Entry(b"common/", method=zipfile.ZIP_STORED)]
    assert findings(zipped([*folders, *entries()])) == []


def test_names_in_other_scripts_are_accepted() -> None:
    names = ["common/图标.txt", "common/сурет.txt", "common/ھۆججەت.txt"]
    assert findings(zipped([*entries(), *(Entry(name.encode(), b"x") for name in names)])) == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_a_zip"),
        (b"PK", "not_a_zip"),
        (b"<html>504 Gateway Time-out</html>", "not_a_zip"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(100), "not_a_zip"),
        (b"\x1f\x8b" + bytes(100), "not_a_zip"),
        (zipped([]), "not_a_zip"),
        (b"MZ" + zipped(entries(), prefix=bytes(30)), "not_a_zip"),
        (zipped(entries(), prefix=b"PK\x07\x08"), "split"),
        (zipped(entries(), disk=1), "split"),
        (zipped(entries()) + b"more", "data_after_end"),
        (zipped(entries(), comment=b"packed by hand"), "archive_comment"),
        (zipped(entries(), extra_count=1), "damaged"),
        (zipped(entries()) + zipped(entries()), "damaged"),
        (bytes([0x50, 0x4B, 3, 4]) + bytes(200), "cut_short"),
    ],
)
def test_a_file_that_is_not_one_sound_zip_is_refused_as_a_whole(content: bytes, code: str) -> None:
    assert findings(content) == [(code, None)]


def test_a_truncated_file_is_refused() -> None:
    whole = package().packed()
    for length in range(len(whole)):
        assert codes(whole[:length]) & {"not_a_zip", "cut_short", "damaged"}, length


def test_a_package_hidden_behind_a_first_file_is_refused() -> None:
    """The first file in the directory is not the first in the archive, which no directory names."""
    hidden = zipped([Entry(b"hidden.js", b"evil()")])[: len(b"hidden.js") + 60]
    assert codes(zipped(entries(), prefix=hidden)) == {"damaged"}


@pytest.mark.parametrize("hidden", [b"\0", bytes(16), b"HIDDEN" * 20_000, Entry(b"app.js", b"evil()").local_part()])
def test_bytes_in_any_gap_are_refused(hidden: bytes) -> None:
    """Readers that go from header to header find a file there; nobody else finds anything."""
    for place, member in enumerate(entries()):
        members = entries()
        members[place].behind = hidden
        assert findings(zipped(members)) == [("hidden_bytes", member.name.decode())]


def test_a_64_bit_directory_beside_the_ordinary_one_is_refused() -> None:
    plain = zipped(entries())
    directory, end = plain[:-22], plain[-22:]
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    assert codes(directory + locator + end) == {"zip64"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"flags": 0x0801}, "encrypted"),
        ({"flags": 0x0840}, "encrypted"),
        ({"flags": 0x2800}, "encrypted"),
        ({"method": zipfile.ZIP_BZIP2}, "compression_method"),
        ({"method": zipfile.ZIP_LZMA}, "compression_method"),
        ({"method": 93}, "compression_method"),
        ({"disk": 3}, "split"),
        ({"mode": stat.S_IFLNK | 0o777}, "not_a_file"),
        ({"mode": stat.S_IFCHR | 0o666}, "not_a_file"),
        ({"mode": stat.S_IFIFO | 0o666}, "not_a_file"),
        ({"mode": stat.S_IFSOCK | 0o666}, "not_a_file"),
        ({"mode": 0o40755}, "not_a_file"),  # a folder by its mode, a file by its name
        ({"dos": stat.FILE_ATTRIBUTE_DIRECTORY}, "not_a_file"),
        ({"mode": stat.S_IFREG | 0o4755}, "not_a_file"),
        ({"mode": stat.S_IFREG | 0o2755}, "not_a_file"),
        ({"crc": 1}, "damaged_file"),
        ({"data": b"\xff\xff\xff"}, "damaged_file"),
        ({"unpacked": 3}, "damaged_file"),
        ({"unpacked": 500}, "damaged_file"),
        ({"local_name": b"common/b.txt"}, "damaged_file"),
        ({"local_method": zipfile.ZIP_STORED}, "damaged_file"),
        ({"local_unpacked": 7}, "damaged_file"),
    ],
)
def test_a_faulty_member_is_named(change: dict[str, int], code: str) -> None:
    bad = Entry(b"common/a.txt", b"content " * 20, **change)  # type: ignore[arg-type]
    assert findings(zipped([*entries(), bad])) == [(code, "common/a.txt")]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../evil.js", "unsafe_path"),
        ("common/../../evil.js", "unsafe_path"),
        ("./app2.js", "unsafe_path"),
        ("/etc/passwd", "unsafe_path"),
        ("common//a.js", "unsafe_path"),
        ("/", "unsafe_path"),
        ("..", "unsafe_path"),
        ("C:/evil.js", "forbidden_character"),
        ("common\\evil.js", "backslash_in_name"),
        ("..\\evil.js", "backslash_in_name"),
        ("common/a\x00.js", "forbidden_character"),
        ("common/a\n.js", "forbidden_character"),
        ("common/a\x7f.js", "forbidden_character"),
        ("common/a\x85.js", "forbidden_character"),
        ('common/"a".js', "forbidden_character"),
        ("common/a*.js", "forbidden_character"),
        ("common/a?.js", "forbidden_character"),
        ("common/<a>.js", "forbidden_character"),
        ("common/a|b.js", "forbidden_character"),
        ("common/\ue000.js", "forbidden_character"),
        ("common/\ufffe.js", "forbidden_character"),
        ("common/\U000e0041.js", "forbidden_character"),
        ("common/\U00100000.js", "forbidden_character"),
        ("common/a.", "dot_at_end"),
        ("common./a", "dot_at_end"),
        ("pages/\u202esj.exe", "bidi_character"),
        ("pages/\u200bx.js", "invisible_character"),
        ("pages/x\ufe0f.js", "invisible_character"),
        ("pages/\ufeffx.js", "invisible_character"),
        ("pages/\u2066x.js", "bidi_character"),
        ("pages/x ", "space_at_edge"),
        (" pages/x.js", "space_at_edge"),
        ("pages/\u3000x.js", "space_at_edge"),
        ("pages/con.js", "device_name"),
        ("pages/AUX", "device_name"),
        ("com1.tar/x.js", "device_name"),
        ("pages/LPT\u00b9.txt", "device_name"),
        (".git/config", "leftover_file"),
        ("__MACOSX/x", "leftover_file"),
        ("pages/._x.js", "leftover_file"),
        ("pages/.DS_Store", "leftover_file"),
        (f"common/{'字' * 86}", "name_too_long"),
        ("/".join(["d" * 200] * 6), "name_too_long"),
        ("d/" * 20 + "a", "too_deep"),
        ("i18n/chinese!.json", "not_a_language_file"),
        ("i18n/zh.txt", "not_a_language_file"),
    ],
)
def test_a_bad_name_is_refused(name: str, code: str) -> None:
    content = b"" if name.endswith("/") else b"x"
    assert findings(zipped([*entries(), Entry(name.encode(), content)])) == [(code, name)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("common/a.js", "common/a.js"),
        ("common/a.js", "common/A.js"),
        ("common/a.js", "Common/b.js"),
        ("common/straße.js", "common/STRASSE.js"),
        ("common/é.js", "common/e\u0301.js"),
        ("common/Σ.js", "common/ς.js"),
        ("common/ﬁle.js", "common/file.js"),
        ("common/Ａ.js", "common/a.js"),
        ("common/i.js", "common/İ.js"),
        ("common/i.js", "common/ı.js"),
        ("common/a", "common/a/b.js"),
        ("common/a/b.js", "common/a"),
        ("common/a/", "common/a"),
    ],
)
def test_names_that_collide_on_some_file_system_are_refused(first: str, second: str) -> None:
    pair = [Entry(name.encode(), b"" if name.endswith("/") else b"x") for name in (first, second)]
    assert findings(zipped([*entries(), *pair])) == [("duplicate_name", second)]


def test_a_second_manifest_is_refused() -> None:
    """Readers differ in taking the first or the last."""
    assert findings(zipped([*entries(), Entry(b"manifest.json", b"{}")])) == [("duplicate_name", "manifest.json")]


def test_a_name_in_another_encoding_is_refused() -> None:
    """Tools on Chinese Windows write GBK without a flag."""
    assert codes(zipped([*entries(), Entry("common/图标.png".encode("gbk"), b"x", flags=0)])) == {"name_not_utf8"}


@pytest.mark.parametrize("place", ["directory", "header"])
def test_a_second_name_in_an_extra_field_is_refused(place: str) -> None:
    other = struct.pack("<2HBL", 0x7075, 5 + 4, 1, 0) + b"b.js"
    same = struct.pack("<2HBL", 0x7075, 5 + 4, 1, 0) + b"a.js"
    lying = {"extra": other} if place == "directory" else {"extra": same, "local_extra": other}
    assert findings(zipped([*entries(), Entry(b"a.js", b"x", extra=same)])) == []
    expected = "two_names" if place == "directory" else "damaged_file"
    assert findings(zipped([*entries(), Entry(b"a.js", b"x", **lying)])) == [(expected, "a.js")]  # type: ignore[arg-type]


def test_names_that_run_or_stand_beside_marked_ones_need_the_flag_of_utf_8() -> None:
    """Python and fflate take them for code page 437; `zip` on Linux and macOS marks none."""
    named = [Entry(entry.name, entry.content, flags=0) for entry in entries()]
    other, marked = (
        Entry(f"common/{name}.txt".encode(), b"x", flags=flags) for name, flags in [("图", 0), ("标", 0x800)]
    )
    script = Entry("pages/停.JS".encode(), b"x", flags=0)
    assert findings(zipped([*named, other])) == []
    assert findings(zipped([*named, other, marked])) == [("name_not_marked", "common/图.txt")]
    assert findings(zipped([*named, script])) == [("name_not_marked", "pages/停.JS")]


def test_sizes_after_the_content_may_be_in_the_header_too() -> None:
    """`zip` writes to a pipe in this form."""
    late = Entry(b"common/a", b"content" * 9, flags=0x0808, local_crc=0, local_packed=0)
    wrong = Entry(b"common/a", b"content" * 9, flags=0x0808, local_crc=0, local_packed=7)
    assert findings(zipped([*entries(), late])) == []
    assert findings(zipped([*entries(), wrong])) == [("damaged_file", "common/a")]


def test_a_name_marked_as_utf_8_that_is_not_is_refused() -> None:
    assert findings(zipped([*entries(), Entry(b"common/\xff\xfe.png", b"x")])) == [("name_not_utf8", None)]


def test_a_folder_that_holds_content_is_refused() -> None:
    assert findings(zipped([*entries(), Entry(b"common/x/", b"evil()")])) == [("folder_with_content", "common/x/")]


@pytest.mark.parametrize(
    "inner",
    [
        zipped([Entry(b"a", b"b")]),
        zipped([]),
        b"\x89PNG picture" + zipped([Entry(b"a", b"b")], prefix=b"\x89PNG picture")[12:],
        b"\x89PNG picture" + zipped([Entry(b"a", b"b")], comment=b"hidden"),
        b"\x1f\x8b\x08" + bytes(40),
        b"7z\xbc\xaf\x27\x1c" + bytes(40),
        b"Rar!\x1a\x07\x00" + bytes(40),
    ],
    ids=["zip", "empty zip", "zip behind a picture", "with a comment", "gzip", "7z", "rar"],
)
def test_a_nested_archive_is_refused(inner: bytes) -> None:
    assert findings(zipped([*entries(), Entry(b"common/a.png", inner)])) == [("archive_inside", "common/a.png")]


def test_a_picture_with_zip_signatures_is_no_archive() -> None:
    harmless = b'\xff\xd8\xff MARK = "PK\x05\x06"; // ' + bytes(60)
    assert findings(zipped([*entries(), Entry(b"common/zip.jpg", harmless)])) == []


def test_a_folder_is_one_by_its_name_and_by_its_attributes() -> None:
    folder = Entry(b"common/sub/", method=zipfile.ZIP_STORED)
    assert findings(zipped([*entries(), replace(folder, mode=stat.S_IFDIR | 0o755, dos=0x10)])) == []
    assert findings(zipped([*entries(), replace(folder, mode=stat.S_IFREG | 0o644)])) == [("not_a_file", "common/sub/")]
