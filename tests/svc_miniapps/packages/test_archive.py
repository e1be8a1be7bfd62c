"""The ZIP container: every way to build a dangerous, ambiguous or broken one is refused, by its own finding."""

import io
import random
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from chassis.db import new_id
from svc_miniapps.packages import archive
from svc_miniapps.packages.findings import PackageRefused
from svc_miniapps.packages.inspection import inspect
from svc_miniapps.packages.manifest import Expected
from tests.svc_miniapps.building import Entry, Package, manifest_for, zipped

APP_ID: UUID = new_id()
EXPECTED = Expected(APP_ID, "停车泊位", version_code=1, latest_version_code=0)
MEBIBYTE = 1024 * 1024


def package() -> Package:
    return Package(manifest_for(str(APP_ID), "停车泊位"))


def entries() -> list[Entry]:
    return package().entries()


def findings(content: bytes) -> list[tuple[str, str | None]]:
    """(code, member) of each finding; empty when the package is taken."""
    try:
        inspect(io.BytesIO(content), EXPECTED)
    except PackageRefused as refused:
        found = [(finding.code, finding.member) for finding in refused.findings]
    else:
        return []
    assert found, "refused without saying why"
    return found


def codes(content: bytes) -> set[str]:
    return {code for code, _member in findings(content)}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_sound_package_is_taken(compression: int) -> None:
    assert findings(package().packed(compression)) == []


def test_a_package_written_by_hand_is_taken() -> None:
    """So what the tests below refuse is refused for the one thing they change."""
    assert findings(zipped(entries())) == []


def test_a_package_packed_as_a_stream_is_taken() -> None:
    """Sizes and checksums then follow the content, as some tools write them."""

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


def test_names_in_other_scripts_are_taken() -> None:
    names = ["common/图标.png", "common/сурет.png", "common/ھۆججەت.txt"]
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
        (zipped(entries(), comment=b"packed by hand"), "data_after_end"),
        (zipped(entries(), extra_count=1), "damaged"),
        (zipped(entries()) + zipped(entries()), "damaged"),
        (bytes([0x50, 0x4B, 3, 4]) + bytes(200), "cut_short"),
    ],
)
def test_what_is_no_single_sound_zip_file_is_refused_as_a_whole(content: bytes, code: str) -> None:
    assert findings(content) == [(code, None)]


def test_a_file_cut_anywhere_is_refused() -> None:
    whole = package().packed()
    for length in range(len(whole)):
        assert codes(whole[:length]) & {"not_a_zip", "cut_short", "damaged"}, length


def test_a_package_hidden_behind_a_first_file_is_refused() -> None:
    """The directory starts with a file that does not lie at the beginning; what does is in no directory."""
    hidden = zipped([Entry(b"hidden.js", b"evil()")])[: len(b"hidden.js") + 60]
    assert codes(zipped(entries(), prefix=hidden)) == {"damaged"}


@pytest.mark.parametrize("place", [1, 4, -1])
def test_a_file_hidden_between_others_is_refused(place: int) -> None:
    """It lies there for readers that go from header to header; the directory does not name it."""
    members = entries()
    before = members[place - 1] if place > 0 else members[-1]
    before.behind = Entry(b"app.js", b"evil()").local_part()
    assert findings(zipped(members)) == [("hidden_bytes", before.name.decode())]


def test_a_signing_block_before_the_directory_is_taken() -> None:
    members = entries()
    members[-1].behind = b"signature" * 20 + b"RPK Sig Block 42"
    assert findings(zipped(members)) == []


def test_a_64_bit_directory_beside_the_ordinary_one_is_refused() -> None:
    plain = zipped(entries())
    directory, end = plain[:-22], plain[-22:]
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    assert codes(directory + locator + end) == {"damaged"}


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
        ({"crc": 1}, "damaged_file"),
        ({"data": b"\xff\xff\xff"}, "damaged_file"),
        ({"unpacked": 3}, "damaged_file"),
        ({"unpacked": 500}, "damaged_file"),
        ({"local_name": b"common/b.txt"}, "damaged_file"),
        ({"local_method": zipfile.ZIP_STORED}, "damaged_file"),
        ({"local_unpacked": 7}, "damaged_file"),
    ],
)
def test_a_bad_member_is_named(change: dict[str, int], code: str) -> None:
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
        ("common\\evil.js", "forbidden_character"),
        ("..\\evil.js", "forbidden_character"),
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
        ("common/a", "common/a/b.js"),
        ("common/a/b.js", "common/a"),
        ("common/a/", "common/a"),
    ],
)
def test_two_names_that_are_one_somewhere_are_refused(first: str, second: str) -> None:
    pair = [Entry(name.encode(), b"" if name.endswith("/") else b"x") for name in (first, second)]
    assert findings(zipped([*entries(), *pair])) == [("duplicate_name", second)]


def test_a_second_manifest_is_refused() -> None:
    """One reader would take the first, another the last."""
    assert findings(zipped([*entries(), Entry(b"manifest.json", b"{}")])) == [("duplicate_name", "manifest.json")]


def test_a_name_in_another_encoding_is_refused() -> None:
    """As packing tools on Chinese Windows write it: GBK, and no word about it."""
    assert codes(zipped([*entries(), Entry("common/图标.png".encode("gbk"), b"x", flags=0)])) == {"name_not_utf8"}


@pytest.mark.parametrize("place", ["directory", "header"])
def test_a_second_name_in_an_extra_field_is_refused(place: str) -> None:
    other = struct.pack("<2HBL", 0x7075, 5 + 4, 1, 0) + b"b.js"
    same = struct.pack("<2HBL", 0x7075, 5 + 4, 1, 0) + b"a.js"
    lying = {"extra": other} if place == "directory" else {"extra": same, "local_extra": other}
    assert findings(zipped([*entries(), Entry(b"a.js", b"x", extra=same)])) == []
    expected = "two_names" if place == "directory" else "damaged_file"
    assert findings(zipped([*entries(), Entry(b"a.js", b"x", **lying)])) == [(expected, "a.js")]  # type: ignore[arg-type]


def test_names_in_utf_8_without_the_flag_are_taken() -> None:
    """As `zip` on Linux and macOS writes them."""
    named = [Entry(entry.name, entry.content, flags=0) for entry in entries()]
    assert findings(zipped([*named, Entry("common/图标.png".encode(), b"x", flags=0)])) == []


def test_sizes_that_follow_the_content_may_be_partly_known_before() -> None:
    """As `zip` writes a package to a pipe."""
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
def test_an_archive_in_the_archive_is_refused(inner: bytes) -> None:
    assert findings(zipped([*entries(), Entry(b"common/a.png", inner)])) == [("archive_inside", "common/a.png")]


def test_text_that_mentions_zip_marks_is_no_archive() -> None:
    harmless = b'const MARK = "PK\x05\x06"; // ' + bytes(60)
    assert findings(zipped([*entries(), Entry(b"common/zip.js", harmless)])) == []


def deflated(length: int) -> bytes:
    """So many zeros, packed."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(bytes(length)) + deflate.flush()


def test_a_bomb_is_refused_by_its_ratio_without_being_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    length = 16 * MEBIBYTE
    bomb = zipped([*entries(), Entry(b"common/bomb", data=deflated(length), unpacked=length)])
    unpacked = 0
    real = zlib.crc32

    def counting(data: bytes, start: int) -> int:
        nonlocal unpacked
        unpacked += len(data)
        return real(data, start)

    monkeypatch.setattr(zlib, "crc32", counting)
    assert findings(bomb) == [("ratio_too_high", "common/bomb")]
    assert 0 < unpacked < 10_000


def test_a_bomb_that_lies_about_its_size_is_unpacked_no_further_than_it_says() -> None:
    bomb = Entry(b"common/bomb", data=deflated(50 * MEBIBYTE), unpacked=1000, crc=zlib.crc32(bytes(1000)))
    assert findings(zipped([*entries(), bomb])) == [("damaged_file", "common/bomb")]


def test_bytes_behind_the_end_of_a_packed_file_are_refused() -> None:
    """What one reader passes over, another may take for the file."""
    padded = Entry(b"common/a", bytes(20), data=deflated(20) + b"more")
    assert findings(zipped([*entries(), padded])) == [("damaged_file", "common/a")]


def test_small_files_may_compress_well() -> None:
    assert findings(zipped([*entries(), Entry(b"common/grid.json", bytes(MEBIBYTE - 1))])) == []


@pytest.mark.parametrize("length", [*range(65_530, 65_545), *range(131_060, 131_080), 65_536 * 3 + 258, 999_999])
def test_files_of_every_length_are_unpacked_to_their_end(length: int) -> None:
    """Lengths around the piece that is unpacked at a time, of content that packs well and of content that does not."""
    dense = random.Random(length).randbytes(length)  # noqa: S311 - a seed, so that a failure can be repeated
    members = [Entry(b"common/even", bytes(length)), Entry(b"common/dense", dense)]
    assert findings(zipped([*entries(), *members])) == []


def test_a_file_that_is_too_large_is_refused() -> None:
    size = archive.MAX_MEMBER_BYTES + 1
    large = Entry(b"common/video", b"a film", unpacked=size)
    assert ("file_too_large", "common/video") in findings(zipped([*entries(), large]))


def test_many_files_that_are_too_large_together_are_refused() -> None:
    # 300 KB packed and 19 MB unpacked each: below every limit but that of the sum.
    parts = [Entry(f"common/{place}".encode(), data=bytes(300_000), unpacked=19 * MEBIBYTE) for place in range(4)]
    assert findings(zipped([*entries(), *parts])) == [("unpacked_too_large", None)]


def test_too_many_files_are_refused_before_their_directory_is_read() -> None:
    many = [Entry(f"common/{place}".encode()) for place in range(archive.MAX_MEMBERS)]
    assert findings(zipped([*entries(), *many])) == [("too_many_files", None)]


def test_files_that_share_their_bytes_are_refused() -> None:
    """The quilt of overlapping files that unpacks to far more than its size."""
    sound = zipped(entries())
    twin = Entry(b"app.js", b"App({})", offset=0)
    assert "overlapping" in codes(zipped([*entries()[:1], *entries()[2:], twin]))
    assert codes(sound) == set()


def test_a_manifest_too_large_to_be_one_is_not_read() -> None:
    large = Package(b" " * 300_000, package().files)
    assert findings(large.packed()) == [("manifest_too_large", "manifest.json")]


def test_names_of_thousands_of_folders_are_refused_quickly() -> None:
    deep = [Entry(f"{place}/".encode() + b"d/" * 30_000 + b"a") for place in range(100)]
    started = time.perf_counter()
    assert codes(zipped([*entries(), *deep])) == {"name_too_long", "too_deep"}
    assert time.perf_counter() - started < 5


def test_everything_wrong_is_told_at_once() -> None:
    bad = [Entry(b"../a", b"x"), Entry(b"common/b", b"x", flags=0x0801), Entry(b"common/c.", b"x")]
    kept = [entry for entry in entries() if entry.name not in {b"app.css", b"common/icon.png"}]
    assert findings(zipped([*kept, *bad])) == [
        ("unsafe_path", "../a"),
        ("encrypted", "common/b"),
        ("dot_at_end", "common/c."),
        ("missing_file", "app.css"),
        ("icon_missing", "manifest.json"),
    ]


@pytest.mark.parametrize("name", ["manifest.json", "app.js", "app.css"])
def test_a_missing_root_file_is_named(name: str) -> None:
    kept = [entry for entry in entries() if entry.name != name.encode()]
    assert ("missing_file", name) in findings(zipped(kept))


def test_a_root_file_in_the_wrong_case_is_missing() -> None:
    renamed = [Entry(b"App.js", b"x") if entry.name == b"app.js" else entry for entry in entries()]
    assert findings(zipped(renamed)) == [("missing_file", "app.js")]


def test_missing_pages_are_named() -> None:
    kept = [entry for entry in entries() if not entry.name.startswith(b"pages/")]
    assert ("missing_pages", "pages/") in findings(zipped([*kept, Entry(b"pages/")]))


def test_a_folder_packed_instead_of_its_content_is_explained_once() -> None:
    wrapped = [Entry(b"parking/" + entry.name, entry.content) for entry in entries()]
    assert findings(zipped(wrapped)) == [("wrapped_in_folder", "parking/manifest.json")]


def _flip(content: bytearray, chance: random.Random) -> None:
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def _overwrite(content: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(content))
    content[place : place + 8] = chance.randbytes(8)


def _cut_out(content: bytearray, chance: random.Random) -> None:
    place = chance.randrange(len(content))
    del content[place : place + chance.randrange(1, 40)]


@pytest.mark.parametrize("damage", [_flip, _overwrite, _cut_out])
def test_random_damage_is_refused_or_harmless_and_never_an_error(
    damage: Callable[[bytearray, random.Random], None],
) -> None:
    chance = random.Random(654002)  # noqa: S311 - a seed, so that a failure can be repeated
    whole = package().packed()
    for _ in range(400):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 4)):
            damage(content, chance)
        findings(bytes(content))
