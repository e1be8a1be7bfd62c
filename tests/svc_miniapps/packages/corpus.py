"""Packages good and bad: a bad one is a sound package with one change, and names the rule that it breaks."""

import io
import stat
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.svc_miniapps.packages import corpus_scripts as scripts
from tests.svc_miniapps.packages import corpus_tables as tables
from tests.svc_miniapps.packages.inspected import APP_ID, entries
from tests.svc_miniapps.sample_packages import Entry, Package, manifest_for, zipped
from tests.svc_miniapps.sample_pictures import JPEG, WEBP


@dataclass(frozen=True)
class Case:
    name: str
    rule: str | None
    """None for a sound package."""
    content: bytes


def _with(*more: Entry) -> bytes:
    return zipped([*entries(), *more])


def _file(path: str, content: bytes | str) -> bytes:
    """A sound package with one more file, or with this one in its place."""
    data = content.encode() if isinstance(content, str) else content
    return zipped([*(each for each in entries() if each.name != path.encode()), Entry(path.encode(), data)])


def _manifest(**changes: object) -> bytes:
    return Package(manifest_for(str(APP_ID), "停车泊位", **changes)).packed()


def _raw_manifest(text: bytes) -> bytes:
    return _file("manifest.json", text)


def _field(kind: int, content: bytes = b"") -> bytes:
    return struct.pack("<2H", kind, len(content)) + content


def _commented() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for entry in entries():
            info = zipfile.ZipInfo(entry.name.decode())
            info.comment = b"evil()"
            archive.writestr(info, entry.content)
    return packed.getvalue()


def _hiding(hidden: bytes, place: int = -1) -> bytes:
    """A sound package with bytes behind one of its files."""
    members = entries()
    members[place].behind = hidden
    return zipped(members)


def _longer_directory() -> bytes:
    """Bytes behind the last entry that the end record counts as the directory's."""
    plain = zipped(entries())
    end = bytearray(plain[-22:])
    struct.pack_into("<L", end, 12, struct.unpack_from("<L", end, 12)[0] + 4)
    return plain[:-22] + b"evil" + bytes(end)


_LOCAL = Entry(b"app.js", b"evil()").local_part()
_BOMB = [Entry(b"common/%d" % n, data=bytes(300_000), unpacked=19 << 20) for n in range(4)]
_ZIP64_LOCATOR = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)

_CONTAINERS = {
    "empty": ("not_a_zip", b""),
    "html": ("not_a_zip", b"<html>504 Gateway Time-out</html>"),
    "rar": ("not_a_zip", b"Rar!\x1a\x07\x01\x00" + bytes(100)),
    "gzip": ("not_a_zip", b"\x1f\x8b" + bytes(100)),
    "empty zip": ("not_a_zip", zipped([])),
    "program in front": ("not_a_zip", zipped(entries(), prefix=b"MZ" + bytes(30))),
    "volume mark": ("split", zipped(entries(), prefix=b"PK\x07\x08")),
    "second volume": ("split", zipped(entries(), disk=1)),
    "text behind": ("data_after_end", zipped(entries()) + b"more"),
    "comment": ("archive_comment", zipped(entries(), comment=b"packed by hand")),
    "comments on files": ("member_comment", _commented()),
    "two archives": ("damaged", zipped(entries()) + zipped(entries())),
    "one entry too few": ("damaged", zipped(entries(), extra_count=1)),
    **{
        f"bytes before the directory, {place}": ("hidden_bytes", _hiding(hidden))
        for place, hidden in enumerate(
            (b"\0", bytes(20), b"\x7fELF" * 500, bytes(100) + _LOCAL, zipped(entries()), b"RPK Sig Block 42")
        )
    },
    "names marked and not": (
        "name_not_marked",
        _with(Entry("common/图".encode()), Entry("common/标".encode(), flags=0)),
    ),
    "bytes between directory and end": ("damaged", zipped(entries())[:-22] + b"evil" + zipped(entries())[-22:]),
    "bytes in the directory": ("damaged", _longer_directory()),
    "cut": ("cut_short", zipped(entries())[:-30]),
    "64-bit end": ("zip64", zipped(entries())[:-22] + _ZIP64_LOCATOR + zipped(entries())[-22:]),
    "21 MB": ("package_too_large", zipped([*entries(), Entry(b"common/v", bytes(21 << 20), method=0)])),
    "2,001 files": ("too_many_files", _with(*(Entry(f"common/{n}".encode()) for n in range(2_001)))),
    "bomb": (
        "unpacked_too_large",
        _with(*(Entry(b"c/%d" % n, data=bytes(300_000), unpacked=19 << 20) for n in range(4))),
    ),
    "many faults": ("too_many_findings", _with(*(Entry(b"common/%d." % n) for n in range(150)))),
    "folder above": ("wrapped_in_folder", zipped([Entry(b"app/" + each.name, each.content) for each in entries()])),
    "no script": ("missing_file", zipped([each for each in entries() if each.name != b"app.js"])),
    "no style": ("missing_file", zipped([each for each in entries() if each.name != b"app.css"])),
    "no manifest": ("missing_file", zipped([each for each in entries() if each.name != b"manifest.json"])),
    "no pages": ("missing_pages", zipped([each for each in entries() if not each.name.startswith(b"pages/")])),
}
_BODY = b"content " * 20


def _late(**changes: object) -> Entry:
    """A file whose checksum and sizes follow it."""
    late = Entry(b"common/a", _BODY, flags=0x0808, local_crc=0, local_packed=0, local_unpacked=0)
    return replace(late, **changes)  # type: ignore[arg-type]


_TRUE = _late().after_content()
_UNCOMMON = {
    "no descriptor": ("damaged_file", _late(descriptor=b"")),
    "text for a descriptor": ("damaged_file", _late(descriptor=b"HIDDENHIDDENHIDD")),
    "a program for a descriptor": ("damaged_file", _late(descriptor=b"\x7fELF" + _TRUE[4:])),
    "another checksum behind": ("damaged_file", _late(descriptor=_TRUE[:4] + bytes(4) + _TRUE[8:])),
    "a descriptor without its mark": ("damaged_file", _late(descriptor=_TRUE[4:])),
    "a descriptor in 64 bits": (
        "damaged_file",
        _late(descriptor=_TRUE[:8] + struct.pack("<2Q", *struct.unpack("<2L", _TRUE[8:]))),
    ),
    "bytes behind a descriptor": ("hidden_bytes", _late(behind=b"HIDDEN")),
    "a descriptor without its flag": ("hidden_bytes", Entry(b"common/a", _BODY, descriptor=_TRUE)),
    "another local flag": ("damaged_file", Entry(b"common/a", _BODY, local_flags=0)),
    **{
        f"flag bit {bit}": ("zip_feature", Entry(b"common/a", _BODY, flags=0x0800 | 1 << bit))
        for bit in (4, 5, 7, 8, 9, 10, 12, 14, 15)
    },
    **{f"version {n}": ("zip_feature", Entry(b"common/a", _BODY, version=n)) for n in (21, 46, 63, 256 + 20)},
    "a local version": ("zip_feature", Entry(b"common/a", _BODY, local_version=90)),
    "a volume label": ("not_a_file", Entry(b"common/a", _BODY, dos=0x08)),
    "a device of Windows": ("not_a_file", Entry(b"common/a", _BODY, dos=0x40)),
    "a link of Windows": ("not_a_file", Entry(b"common/a", _BODY, dos=0x400)),
    "a script whose name is not marked": ("name_not_marked", Entry("common/停.js".encode(), b"x", flags=0)),
}
_MEMBERS = {
    "encrypted": ("encrypted", Entry(b"common/a", _BODY, flags=0x0801)),
    "strongly encrypted": ("encrypted", Entry(b"common/a", _BODY, flags=0x0840)),
    "bzip2": ("compression_method", Entry(b"common/a", _BODY, method=zipfile.ZIP_BZIP2)),
    "LZMA": ("compression_method", Entry(b"common/a", _BODY, method=zipfile.ZIP_LZMA)),
    "Zstandard": ("compression_method", Entry(b"common/a", _BODY, method=93)),
    "on another disk": ("split", Entry(b"common/a", _BODY, disk=3)),
    "a folder by its mode": ("not_a_file", Entry(b"pages/pay.js", b"evil()", mode=0o40755)),
    "a folder by MS-DOS": ("not_a_file", Entry(b"pages/pay.js", b"evil()", dos=0x10)),
    "a file by its mode": ("not_a_file", Entry(b"pages/pay/", mode=stat.S_IFREG | 0o644)),
    "a link": ("not_a_file", Entry(b"common/a", _BODY, mode=stat.S_IFLNK | 0o777)),
    "a device": ("not_a_file", Entry(b"common/a", _BODY, mode=stat.S_IFCHR | 0o666)),
    "set-user-id": ("not_a_file", Entry(b"common/a", _BODY, mode=stat.S_IFREG | 0o4755)),
    "a folder with content": ("folder_with_content", Entry(b"common/a/", b"evil()")),
    "wrong checksum": ("damaged_file", Entry(b"common/a", _BODY, crc=1)),
    "no deflated data": ("damaged_file", Entry(b"common/a", _BODY, data=b"\xff\xff\xff")),
    "longer than said": ("damaged_file", Entry(b"common/a", _BODY, unpacked=3)),
    "another local name": ("damaged_file", Entry(b"common/a", _BODY, local_name=b"common/b")),
    "another local method": ("damaged_file", Entry(b"common/a", _BODY, local_method=zipfile.ZIP_STORED)),
    "compressed 100 times": ("ratio_too_high", Entry(b"common/a", bytes(16 << 20))),
    "21 MB in 6 bytes": ("file_too_large", Entry(b"common/a", b"a film", unpacked=21 << 20)),
    "bytes behind": ("hidden_bytes", Entry(b"common/a", _BODY, behind=Entry(b"app.js", b"evil()").local_part())),
    "shared bytes": ("overlapping", Entry(b"manifest.json2", b"{}", offset=0)),
    "stored, sizes behind": (
        "streamed_without_compression",
        Entry(b"common/a", _BODY, method=0, flags=0x0808, local_crc=0, local_packed=0, local_unpacked=0),
    ),
    **_UNCOMMON,
    "64-bit sizes": ("zip64", Entry(b"common/a", _BODY, local_extra=_field(1, bytes(16)))),
    "64-bit entry": ("zip64", Entry(b"common/a", _BODY, extra=_field(1, bytes(8)), local_extra=b"")),
    "unknown extra field": ("extra_field", Entry(b"common/a", _BODY, extra=_field(0x6666, b"evil()"))),
    "attributes for libarchive": (
        "extra_field",
        Entry(b"common/a", _BODY, local_extra=_field(0x6C78, b"\4\0\0\xff")),
    ),
    "a link in ASi": ("extra_field", Entry(b"common/a", _BODY, extra=_field(0x756E, bytes(14) + b"/etc/passwd"))),
    "bytes in times": ("extra_field", Entry(b"common/a", _BODY, extra=_field(0x5455, bytes(40)))),
    "times twice": ("extra_field", Entry(b"common/a", _BODY, extra=_field(0x5455, bytes(5)) * 2)),
    "a rest that is no field": ("extra_field", Entry(b"common/a", _BODY, extra=b"\1\2\3")),
    "another Unicode name": ("two_names", Entry(b"a.js", b"x", extra=_field(0x7075, bytes(5) + b"b.js"))),
    "GBK": ("name_not_utf8", Entry("common/图标".encode("gbk"), b"x", flags=0)),
}
_KINDS = {
    "LICENSE": b"MIT",
    "a.md": b"# a",
    "a.txt": "停车".encode(),
    "a.csv": b"a,b\r\n",
    "a.svg": b"<svg/>",
    "a.json": b"{}",
    "a.jpg": JPEG,
    "a.JPEG": JPEG,
    "a.webp": WEBP,
    "a.gif": b"GIF89a" + bytes(20),
    "a.ico": b"\0\0\1\0\1\0",
    "a.woff": b"wOFF" + bytes(9),
    "a.woff2": b"wOF2" + bytes(9),
    "a.ttf": b"\0\1\0\0" + bytes(9),
    "a.otf": b"OTTO",
    "a.mp3": b"ID3\3" + bytes(9),
    "b.mp3": b"\xff\xfb\x90",
    "a.wav": b"RIFF" + bytes(4) + b"WAVE",
    "a.ogg": b"OggS",
    "a.mp4": b"\0\0\0\x18ftypmp42",
    "a.m4a": b"\0\0\0\x20ftypM4A ",
    "a.webm": b"\x1a\x45\xdf\xa3",
}
_LIBRARY = "(function (root) { 'use strict'; root.add = (a, b) => a + b; })(globalThis);\n" * 2_000
_GOOD = {
    "deflated": zipped(entries()),
    "stored": Package(manifest_for(str(APP_ID), "停车泊位")).packed(zipfile.ZIP_STORED),
    "with folders": zipped([Entry(b"pages/", mode=stat.S_IFDIR | 0o755), Entry(b"common/"), *entries()]),
    "names in other scripts": _with(*(Entry(f"common/{n}".encode(), b"x") for n in ("图标", "сурет", "ھۆججەت"))),
    "names of ASCII without the flag": zipped([replace(each, flags=0) for each in entries()]),
    "sizes behind": zipped([_late(), *(_late(name=each.name, content=each.content) for each in entries())]),
    "names without the flag": _with(Entry("common/图标.txt".encode(), b"x", flags=0)),
    "the level of compression": _with(Entry(b"common/a", b"x", flags=0x0802), Entry(b"common/b", b"x", flags=0x0806)),
    "version 1.0": _with(Entry(b"common/a", b"x", version=10, local_version=10)),
    "times of Info-ZIP": _with(Entry(b"common/a", b"x", extra=_field(0x5455, bytes(5)) + _field(0x7875, bytes(11)))),
    "times of Windows": _with(Entry(b"common/a", b"x", extra=_field(0x000A, bytes(32)))),
    "the mark of jar": _with(Entry(b"common/a", b"x", extra=_field(0xCAFE))),
    "an ES module": _file("app.js", "import a from './app.js'; export default { a }; await a();"),
    "a script": _file("app.js", "var a = 1; with (a) { b() } App({ a })"),
    "a large library": _file("common/library.js", _LIBRARY),
    "a dense script at the limit": _file(
        "common/dense.js", "function f(a,b){var c=a.b(b);if(c){return c}g(i,{k:v})}" * 7_000
    ),
    "an allowed server": _file("app.js", "fetch('https://api.yining.cn/v1'); // see https://example.org/"),
    "a vocabulary": _file("app.js", "document.createElementNS('http://www.w3.org/2000/svg', 'svg')"),
    "a timer": _file("app.js", "setTimeout(() => go(), 1); setInterval(go, 2);"),
    "the name of a key": _file("app.js", "const HEAD = '-----BEGIN PRIVATE KEY-----\\n' + body"),
    "every kind": _with(*(Entry(name.encode(), content) for name, content in _KINDS.items())),
    "the word eval": _file("app.js", "const words = ['eval', 'new Function()']; evaluate(words.length)"),
    "a link to a site": _file("pages/index.html", '<a href="https://www.example.cn/">site</a>'),
    "data in a page": _file("pages/index.html", '<script type="application/json">{not a script</script>'),
    "a template": _file("pages/index.html", "<p if={{ a < b && c > d }}>{{ title }}</p>"),
    "nested texts": _file("i18n/zh-Hans.json", '{"a": {"b": ["停车", "泊位"]}}'),
    "a JPEG icon": _file("common/icon.png", JPEG),
    "a WebP icon": _file("common/icon.png", WEBP),
    "a widget": _manifest(widgets=[{"name": "附近", "path": "pages/detail/detail"}]),
    "further members": _manifest(of_another_vendor={"anything": [1, 2.5, None]}, lang="zh-Hans", dir="ltr"),
    "a permission": _manifest(req_permissions=[{"name": "system.permission.LOCATION", "reason": "地图"}]),
    "a short name": _manifest(short_name="停泊", description="a\u200fb"),
    "2^53": _manifest(of_another_vendor=2**53),
}


def cases() -> Iterator[Case]:
    for name, content in _GOOD.items():
        yield Case(name, None, content)
    for place, code in enumerate(scripts.ACCEPTED):
        yield Case(f"ordinary script {place}", None, _file("app.js", code))
    for place, page in enumerate(scripts.ACCEPTED_PAGES):
        yield Case(f"ordinary page {place}", None, _file("pages/index.html", page))
    for place, style in enumerate(scripts.ACCEPTED_STYLES):
        yield Case(f"ordinary style {place}", None, _file("app.css", style))
    for name, (rule, content) in _CONTAINERS.items():
        yield Case(name, rule, content)
    for name, (rule, entry) in _MEMBERS.items():
        yield Case(name, rule, _with(entry))
    for rule, changed in _files():
        yield Case(rule, rule, changed)


def _files() -> Iterator[tuple[str, bytes]]:
    for rule, names in tables.NAMES.items():
        yield from ((rule, _with(Entry(name.encode(), b"x"))) for name in names)
    for rule, contents in tables.CONTENTS.items():
        for name in ("common/a.png", "common/a.txt"):
            # A text is what its name says there.
            wrong = [each for kind, each in contents.items() if (name, kind) != ("common/a.txt", "text")]
            yield from ((rule, _file(name, content)) for content in wrong)
    for rule, texts in tables.MANIFEST_TEXTS.items():
        yield from ((rule, _raw_manifest(text)) for text in texts)
    for rule, changes in tables.MANIFESTS.items():
        yield from ((rule, _manifest(**change)) for change in changes)
    pages = "pages/index.html"
    read = [("app.js", tables.SCRIPTS), (pages, tables.PAGES)]
    read += [("app.js", scripts.REFUSED), (pages, scripts.PAGES), ("app.css", scripts.STYLES)]
    for path, refused in read:
        yield from ((rule, _file(path, text)) for rule, texts in refused.items() for text in texts)
    for rule, files in tables.TEXTS.items():
        yield from ((rule, _file("i18n/zh-Hans.json", text)) for text in files)
    for rule, icons in tables.ICONS.items():
        yield from ((rule, _file("common/icon.png", icon)) for icon in icons)
    many = (Entry(b"common/%d.js" % n, b"a(1);" * 70_000) for n in range(13))
    yield "scripts_too_large", _with(*many)
    yield "language_not_declared", _file("i18n/fr.json", "{}")


CASES = list(cases())
