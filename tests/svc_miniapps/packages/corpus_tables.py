"""What the files of bad packages hold or are called, by the rule that each breaks."""

import json
from collections.abc import Mapping

from svc_miniapps.packages.checks import languages, references, scripts
from tests.svc_miniapps.sample_packages import PNG, Entry, zipped
from tests.svc_miniapps.sample_pictures import LIES, header, png

Json = Mapping[str, object]

NAMES = {
    "unsafe_path": ["../a.js", "c/../../a.js", "./a.js", "/etc/passwd", "c//a.js", ".."],
    "backslash_in_name": ["common\\a.js", "..\\a.js"],
    "forbidden_character": [
        "C:/a.js",
        "c/a\n.js",
        'c/"a".js',
        "c/a*.js",
        "c/a?.js",
        "c/<a>",
        "c/a|b",
        "pages/%2e%2e/x",
        "c/\ue000",
    ],
    "bidi_character": ["pages/\u202esj.exe", "pages/\u2066x", "pages/\u200fx", "pages/\u061cx"],
    "invisible_character": [
        "pages/\u200bx",
        "pages/x\ufe0f",
        "pages/\ufeffx",
        "pages/\u3164",
        "pages/a\u00a0b",
        "pages/a\u2800",
        "pages/\u00adx",
    ],
    "dot_at_end": ["common/a.", "common./a"],
    "space_at_edge": ["common/a ", " common/a", "common/\u3000a"],
    "device_name": ["common/con.js", "common/AUX", "com1.tar/x", "common/LPT\u00b9.txt", "common/nul", "CLOCK$"],
    "leftover_file": [
        ".git/config",
        "__MACOSX/x",
        "common/._x",
        "common/.DS_Store",
        "common/Thumbs.db",
        ".svn/x",
        ".idea/a.txt",
        ".gitignore",
    ],
    "secret_file": [".env", "common/.env.production", "common/.npmrc", "common/id_rsa", "pages/server.key", "a.P12"],
    "name_too_long": [f"common/{'字' * 86}"],
    "too_deep": ["d/" * 20 + "a"],
    "not_a_language_file": ["i18n/chinese!.json", "i18n/zh.txt", "i18n/a/zh-Hans.json"],
    "kind_not_allowed": [
        *(f"common/a.{kind}" for kind in ("exe", "DLL", "so", "apk", "hap", "bat", "ps1", "vbs", "py", "php", "hta")),
        *(f"common/a.{kind}" for kind in ("wasm", "jar", "map", "bin", "iso", "pdf", "js.gz", "xhtml", "shtml")),
    ],
    "duplicate_name": ["APP.JS", "Common/b", "app.js/x", "common/ICON.png", "app.j\u017f"],
}
_KEY = b"-----BEGIN PRIVATE KEY-----\n" + b"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49" * 4 + b"\n"
_TAR = bytes(257) + b"ustar\x0000" + bytes(300)
CONTENTS = {
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
        "shell behind a mark": b"\xef\xbb\xbf#!/bin/sh\n",
        "Hermes": b"\xc6\x1f\xbc\x03\xc1\x03\x19\x1f" + bytes(60),
        "ArkTS": b"PANDA\0\0\0" + bytes(60),
    },
    "secret_file": {
        "a key": _KEY,
        "a short key": b"-----BEGIN PRIVATE KEY-----\nMIIE\n",
        "a key in a script": b"x='" + _KEY.replace(b"\n", b"\\n") + b"'",
        "a key in two pieces": b" " * 65_500 + _KEY,
        "a locked key": b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n",
    },
    "content_not_as_named": {
        "text": b"a text",
        "ISO 9660": bytes(32_768) + b"\1CD001" + bytes(100),
        "LZMA": b"\x5d\0\0\x80\0" + bytes(60),
        "Python": b"\xa7\r\r\n" + bytes(60),
        "keys of Java": b"\xfe\xed\xfe\xed" + bytes(60),
        "LLVM": b"BC\xc0\xde" + bytes(60),
        "SQLite": b"SQLite format 3\0" + bytes(60),
        "Flash": b"FWS\x09" + bytes(60),
    },
}
_DEEP = b'{"a": ' + b"[" * 100_000
MANIFEST_TEXTS = {
    "manifest_too_large": [b" " * 300_000],
    "manifest_byte_order_mark": [b"\xef\xbb\xbf{}"],
    "manifest_not_utf8": ["{}".encode("utf-16"), '{"name": "停车"}'.encode("gb18030")],
    "manifest_not_json": [b"", b"{", b"{'app_id': 1}", b'{"a": 1,}', b"// comment\n{}"],
    "manifest_duplicate_member": [b'{"a": 1, "a": 2}'],
    "manifest_too_many_values": [b'{"widgets": [' + b"{}," * 83_000 + b"{}]}"],
    "manifest_too_deep": [_DEEP, b'{"a": ' + b"[" * 40 + b"]" * 40 + b"}"],
    "manifest_impossible_value": [b'{"a": NaN}', b'{"a": 1e999}', rb'{"a": "\ud800"}', rb'{"a": "\u0000"}'],
    "manifest_number_too_large": [b'{"a": ' + b"9" * 5_000 + b"}", b'{"a": 9007199254740993}', b'{"a": 1e22}'],
    "manifest_wrong_type": [b"[]", b'"text"'],
}
MANIFESTS: dict[str, list[Json]] = {
    "manifest_member_missing": [{"pages": None}, {"icons": None}, {"platform_version": {}}, {"version": {"code": 1}}],
    "manifest_wrong_type": [{"version": {"code": "1", "name": "1"}}, {"pages": "pages/index"}, {"app_id": 7}],
    "manifest_wrong_value": [
        *({"pages": []}, {"dir": "down"}, {"lang": "in Chinese"}, {"color_scheme": "pink"}),
        *({"window": {"orientation": "diagonal"}}, {"version": {"code": 0, "name": "1"}}, {"name": ""}),
    ],
    "manifest_text_too_long": [{"name": "字" * 101}, {"description": "字" * 2001}],
    "manifest_older_draft": [{"version_name": "1.0.0"}, {"version_code": 1}],
    "text_deceives": [
        *({"short_name": "停\u202e车"}, {"short_name": "停\u200b车"}, {"description": "a\u2066b"}),
        *({"icons": [{"src": "common/icon.png", "label": "a\u200db"}]},),
        *({"widgets": [{"name": "附\u200f近", "path": "pages/detail/detail"}]},),
        *({"req_permissions": [{"name": "system.permission.LOCATION", "reason": "\u202e"}]},),
    ],
    "short_name_differs": [{"short_name": "支付宝"}, {"short_name": "位泊"}, {"short_name": "停车停"}],
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
SCRIPTS = {
    "script_not_parsed": ["App({", "if (;", "const a: number = 1;", "const a = <div></div>;", "`${", "}{(=>" * 40_000],
    "script_too_complex": ["x=" + "[" * 190_000 + "]" * 190_000],
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
PAGES = {
    "script_remote": [
        *('<script src="https://cdn.example.cn/a.js"></script>', "<SCRIPT async SRC=//a.cn/b></SCRIPT>"),
        '<script data-a="<" title=">" src="https://a.cn/b"></script>',
        '<script src="https&#58;//a.cn/b"></script>',
        '<script src="\\\\a.cn\\b"></script>',
        '<script src="ht\ntps:a.cn/b"></script>',
        "<script = src=//a.cn/b></script>",
        '<img/alt="<script>"><script/src=//a.cn/b></script>',
        "<textarea><!--</textarea><script src=//a.cn/b></script>-->",
        "<!-- <script type=x> --><script src=//a.cn/b></script>",
        "<script type=x><script src=//a.cn/b></script>",
        '<svg><script xlink:href="#a" href="//a.cn/b"></script></svg>',
        '<base href="https://a.cn/">',
        '<link rel="modulepreload" href="//a.cn/b">',
        '<script type="importmap">{"imports": {"a": "https://a.cn/b"}}</script>',
        '<iframe srcdoc="&lt;script src=&quot;//a.cn/b&quot;&gt;&lt;/script&gt;"></iframe>',
        '<iframe src="data:text/html,x"></iframe>',
    ],
    "domain_not_allowed": [
        *('<img src="https://img.example.cn/a.png">', "<form action='http://a.cn/'>"),
        *('<img srcset="a.png, //a.cn/b 2x">', '<meta http-equiv="refresh" content="0; url=//a.cn">'),
        '<p style="background: url(//a.cn/b)">',
    ],
    "script_not_parsed": ["<p>\n<script>if (</script>", "<script>let a"],
    "script_makes_code": [
        *("<script>eval('1')</script>", '<script type="module">new Function("a")</script>'),
        *(
            '<script type="text/ecmascript">eval("1")</script>',
            '<p onclick="eval(1)">',
            '<a href="java&Tab;script:f()">',
        ),
    ],
}
TEXTS = {
    "language_file_not_json": [b"{", b"\xef\xbb\xbf{}", b'{"a": "b", "a": "c"}', "{}".encode("utf-16")],
    "language_file_not_texts": [b"[]", b'{"a": 1}', b'{"a": {"b": null}}'],
    "text_deceives": [b'{"a": {"b": ["\\u202e"]}}', '{"a": "\u2066"}'.encode()],
    "language_file_too_large": [json.dumps({"a": "x" * languages.MAX_BYTES}).encode()],
}
ICONS = {
    "icon_not_a_picture": [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html></html>",
        b"GIF89a" + bytes(40),
        b"",
        *LIES.values(),
    ],
    "icon_sides": [png(head=header(5000, 5000)), png(head=header(0, 0))],
    "icon_too_large": [PNG + b"\0" * references.MAX_ICON_BYTES],
}
