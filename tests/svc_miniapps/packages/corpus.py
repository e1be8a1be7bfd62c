"""Packages good and bad: a bad one is a sound package with one change, and names the rule that it breaks."""

import io
import json
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from svc_miniapps.packages.checks import languages, pictures, scripts
from tests.svc_miniapps.packages.inspected import APP_ID, entries
from tests.svc_miniapps.sample_packages import PNG, Entry, Package, manifest_for, zipped

Json = Mapping[str, object]


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
_NAMES = {
    "unsafe_path": ["../a.js", "c/../../a.js", "./a.js", "/etc/passwd", "c//a.js", ".."],
    "backslash_in_name": ["common\\a.js", "..\\a.js"],
    "forbidden_character": ["C:/a.js", "c/a\n.js", 'c/"a".js', "c/a*.js", "c/a?.js", "c/<a>", "c/a|b", "c/\ue000"],
    "bidi_character": ["pages/\u202esj.exe", "pages/\u2066x", "pages/\u200fx", "pages/\u061cx"],
    "invisible_character": ["pages/\u200bx", "pages/x\ufe0f", "pages/\ufeffx", "pages/\u3164", "pages/\u00adx"],
    "dot_at_end": ["common/a.", "common./a"],
    "space_at_edge": ["common/a ", " common/a", "common/\u3000a"],
    "device_name": ["common/con.js", "common/AUX", "com1.tar/x", "common/LPT\u00b9.txt", "common/nul"],
    "leftover_file": [".git/config", "__MACOSX/x", "common/._x", "common/.DS_Store", "common/Thumbs.db", ".svn/x"],
    "secret_file": [".env", "common/.env.production", "common/.npmrc", "common/id_rsa"],
    "name_too_long": [f"common/{'字' * 86}"],
    "too_deep": ["d/" * 20 + "a"],
    "not_a_language_file": ["i18n/chinese!.json", "i18n/zh.txt"],
    "duplicate_name": ["APP.JS", "Common/b", "app.js/x", "common/ICON.png"],
}
_TAR = bytes(257) + b"ustar\x0000" + bytes(300)
_CONTENTS = {
    "archive_inside": {
        "zip": zipped([Entry(b"a", b"b")]),
        "empty zip": zipped([]),
        "gzip": b"\x1f\x8b\x08" + bytes(40),
        "7z": b"7z\xbc\xaf\x27\x1c" + bytes(40),
        "rar": b"Rar!\x1a\x07\x00" + bytes(40),
        "xz": b"\xfd7zXZ\x00" + bytes(40),
        "bzip2": b"BZh91AY&SY" + bytes(40),
        "Zstandard": b"\x28\xb5\x2f\xfd" + bytes(40),
        "tar": _TAR,
        "Debian package": b"!<arch>\ndebian-binary" + bytes(40),
        "Cabinet": b"MSCF" + bytes(40),
        "LHA": b"\x20\x20-lh5-" + bytes(40),
        "zip behind a picture": PNG + zipped([Entry(b"a", b"b")]),
    },
    "program_inside": {
        "ELF": b"\x7fELF\x02\x01\x01" + bytes(60),
        "Windows": b"MZ\x90\x00" + bytes(80),
        "Mach-O": b"\xcf\xfa\xed\xfe" + bytes(60),
        "Java class": b"\xca\xfe\xba\xbe\x00\x00\x00\x3d" + bytes(60),
        "Android": b"dex\n035\x00" + bytes(60),
        "WebAssembly": b"\x00asm\x01\x00\x00\x00",
        "shell": b"#!/bin/sh\nrm -rf /\n",
    },
}
_DEEP = b'{"a": ' + b"[" * 100_000
_MANIFEST_TEXTS = {
    "manifest_too_large": [b" " * 300_000],
    "manifest_byte_order_mark": [b"\xef\xbb\xbf{}"],
    "manifest_not_utf8": ["{}".encode("utf-16"), '{"name": "停车"}'.encode("gb18030")],
    "manifest_not_json": [b"", b"{", b"{'app_id': 1}", b'{"a": 1,}', b"// comment\n{}"],
    "manifest_duplicate_member": [b'{"a": 1, "a": 2}'],
    "manifest_too_many_values": [b'{"widgets": [' + b"{}," * 83_000 + b"{}]}"],
    "manifest_too_deep": [_DEEP, b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}"],
    "manifest_impossible_value": [b'{"a": NaN}', b'{"a": 1e999}', rb'{"a": "\ud800"}', rb'{"a": "\u0000"}'],
    "manifest_number_too_large": [b'{"a": ' + b"9" * 5_000 + b"}", b'{"a": 9007199254740993}'],
    "manifest_wrong_type": [b"[]", b'"text"'],
}
_MANIFESTS: dict[str, list[Json]] = {
    "manifest_member_missing": [{"pages": None}, {"icons": None}, {"platform_version": {}}, {"version": {"code": 1}}],
    "manifest_wrong_type": [{"version": {"code": "1", "name": "1"}}, {"pages": "pages/index"}, {"app_id": 7}],
    "manifest_wrong_value": [
        *({"pages": []}, {"dir": "down"}, {"lang": "in Chinese"}, {"color_scheme": "pink"}),
        *({"window": {"orientation": "diagonal"}}, {"version": {"code": 0, "name": "1"}}, {"name": ""}),
    ],
    "manifest_text_too_long": [{"name": "字" * 101}, {"description": "字" * 2001}],
    "manifest_older_draft": [{"version_name": "1.0.0"}, {"version_code": 1}],
    "other_app_id": [{"app_id": "org.example.parking"}],
    "other_name": [{"name": "别的名称"}],
    "other_version_code": [{"version": {"code": 2, "name": "1"}}],
    "page_missing": [{"pages": ["pages/nowhere"]}, {"pages": ["pages/Index"]}, {"pages": ["pages/../app.js"]}],
    "page_outside_pages": [{"pages": ["app.js"]}, {"pages": ["https://example.org/"]}, {"pages": ["pages"]}],
    "page_twice": [{"pages": ["pages/index", "pages/index.html"]}, {"pages": ["pages/index", "/pages/index"]}],
    "page_not_openable": [{"pages": ["pages/detail"]}, {"pages": ["pages/detail/"]}],
    "icon_missing": [{"icons": [{"src": "common/none.png"}]}, {"icons": [{"src": "https://example.org/i.png"}]}],
    "widget_missing": [{"widgets": [{"name": "附近", "path": "widgets/none"}]}],
    "permission_not_registered": [{"req_permissions": [{"name": "system.permission.CAMERA"}]}],
}
_SCRIPTS = {
    "script_not_parsed": ["App({", "if (;", "const a: number = 1;", "const a = <div></div>;", "`${", "}{(=>" * 40_000],
    "script_too_complex": ["x=" + "[" * 200_000 + "]" * 200_000],
    "script_too_large": ["//" + "x" * scripts.MAX_BYTES],
    "script_not_utf8": ["a\0b"],
    "script_makes_code": [
        *("eval('a')", "window.eval(a)", 'window["eval"](a)', "(0, eval)(a)", "new Function('a')", "Function(a)()"),
        *("setTimeout('go()', 1)", "setInterval(`go()`, 1)", "setTimeout('go(' + 1 + ')', 1)"),
        "[].constructor.constructor('return this')()",
    ],
    "script_remote": [
        *("import a from 'https://cdn.example.cn/a.js'", "import('//cdn.example.cn/a.js')"),
        *("export * from 'https://cdn.example.cn/a.js'", "importScripts('https://a.cn/a.js')", "new Worker('data:,1')"),
    ],
    "domain_not_allowed": [
        *("fetch('https://api.example.cn/v1')", "new WebSocket('wss://api.example.cn')"),
        *(
            "fetch(`http://127.0.0.1/${a}`)",
            "const a = '//api.example.cn/a'",
            "fetch('https://api.yining.cn@evil.cn/')",
        ),
    ],
    "permission_not_declared": [
        *("navigator.geolocation.getCurrentPosition(a)", "window.navigator.mediaDevices.getUserMedia({})"),
        *("ili.getPhoneNumber()", "const a = navigator?.clipboard"),
    ],
}
_PAGES = {
    "script_remote": ['<script src="https://cdn.example.cn/a.js"></script>', "<SCRIPT async SRC=//a.cn/b></SCRIPT>"],
    "domain_not_allowed": ['<img src="https://img.example.cn/a.png">', "<form action='http://a.cn/'>"],
    "script_not_parsed": ["<p>\n<script>if (</script>", "<script>let a"],
    "script_makes_code": ["<script>eval('1')</script>", '<script type="module">new Function("a")</script>'],
}
_TEXTS = {
    "language_file_not_json": [b"{", b"\xef\xbb\xbf{}", b'{"a": "b", "a": "c"}', "{}".encode("utf-16")],
    "language_file_not_texts": [b"[]", b'{"a": 1}', b'{"a": {"b": null}}'],
    "language_file_too_large": [json.dumps({"a": "x" * languages.MAX_BYTES}).encode()],
}
_BIG_PNG = PNG[:16] + struct.pack(">2L", 5000, 5000) + PNG[24:]
_ICONS = {
    "icon_not_a_picture": [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html></html>", b"GIF89a" + bytes(40), b""],
    "icon_sides": [_BIG_PNG, PNG[:16] + bytes(8) + PNG[24:]],
    "icon_too_large": [PNG + b"\0" * pictures.MAX_BYTES],
}
JPEG = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc0\x00\x0b\x08\x00\x30\x00\x30\x01\x01\x11\x00\xff\xd9"
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x2f\xc0\x0b\x00" + bytes(9)
_LIBRARY = "(function (root) { 'use strict'; root.add = (a, b) => a + b; })(globalThis);\n" * 2_000
_GOOD = {
    "deflated": zipped(entries()),
    "stored": Package(manifest_for(str(APP_ID), "停车泊位")).packed(zipfile.ZIP_STORED),
    "with folders": zipped([Entry(b"pages/", mode=stat.S_IFDIR | 0o755), Entry(b"common/"), *entries()]),
    "names in other scripts": _with(*(Entry(f"common/{n}".encode(), b"x") for n in ("图标", "сурет", "ھۆججەت"))),
    "names without the flag": _with(Entry("common/图标.txt".encode(), b"x", flags=0)),
    "times of Info-ZIP": _with(Entry(b"common/a", b"x", extra=_field(0x5455, bytes(5)) + _field(0x7875, bytes(11)))),
    "times of Windows": _with(Entry(b"common/a", b"x", extra=_field(0x000A, bytes(32)))),
    "the mark of jar": _with(Entry(b"common/a", b"x", extra=_field(0xCAFE))),
    "an ES module": _file("app.js", "import a from './common/a.js'; export default { a }; await a();"),
    "a script": _file("app.js", "var a = 1; with (a) { b() } App({ a })"),
    "a large library": _file("common/library.js", _LIBRARY),
    "a dense script at the limit": _file(
        "common/dense.js", "function f(a,b){var c=a.b(b);if(c){return c}g(i,{k:v})}" * 7_000
    ),
    "an allowed server": _file("app.js", "fetch('https://api.yining.cn/v1'); // see https://example.org/"),
    "a vocabulary": _file("app.js", "document.createElementNS('http://www.w3.org/2000/svg', 'svg')"),
    "a timer": _file("app.js", "setTimeout(() => go(), 1); setInterval(go, 2);"),
    "the word eval": _file("app.js", "const words = ['eval', 'new Function()']; evaluate(words.eval)"),
    "a link to a site": _file("pages/index.html", '<a href="https://www.example.cn/">site</a>'),
    "data in a page": _file("pages/index.html", '<script type="application/json">{not a script</script>'),
    "a template": _file("pages/index.html", "<p if={{ a < b && c > d }}>{{ title }}</p>"),
    "nested texts": _file("i18n/zh-Hans.json", '{"a": {"b": ["停车", "泊位"]}}'),
    "a JPEG icon": _file("common/icon.png", JPEG),
    "a WebP icon": _file("common/icon.png", WEBP),
    "a widget": _manifest(widgets=[{"name": "附近", "path": "pages/detail/detail"}]),
    "further members": _manifest(of_another_vendor={"anything": [1, 2.5, None]}, lang="zh-Hans", dir="ltr"),
    "a permission": _manifest(req_permissions=[{"name": "system.permission.LOCATION", "reason": "地图"}]),
    "2^53": _manifest(of_another_vendor=2**53),
}


def cases() -> Iterator[Case]:
    for name, content in _GOOD.items():
        yield Case(name, None, content)
    for name, (rule, content) in _CONTAINERS.items():
        yield Case(name, rule, content)
    for name, (rule, entry) in _MEMBERS.items():
        yield Case(name, rule, _with(entry))
    for rule, changed in _files():
        yield Case(rule, rule, changed)


def _files() -> Iterator[tuple[str, bytes]]:
    for rule, names in _NAMES.items():
        yield from ((rule, _with(Entry(name.encode(), b"x"))) for name in names)
    for rule, contents in _CONTENTS.items():
        yield from ((rule, _file("common/a.png", content)) for content in contents.values())
    for rule, texts in _MANIFEST_TEXTS.items():
        yield from ((rule, _raw_manifest(text)) for text in texts)
    for rule, changes in _MANIFESTS.items():
        yield from ((rule, _manifest(**change)) for change in changes)
    for rule, codes in _SCRIPTS.items():
        yield from ((rule, _file("app.js", code)) for code in codes)
    for rule, pages in _PAGES.items():
        yield from ((rule, _file("pages/index.html", page)) for page in pages)
    for rule, files in _TEXTS.items():
        yield from ((rule, _file("i18n/zh-Hans.json", text)) for text in files)
    for rule, icons in _ICONS.items():
        yield from ((rule, _file("common/icon.png", icon)) for icon in icons)
    yield "language_not_declared", _file("i18n/fr.json", "{}")


CASES = list(cases())
