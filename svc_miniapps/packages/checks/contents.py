"""What a file is: by its content an archive or a program, which have no place in a package, or else what its name says.

A list of what is forbidden is never complete. So a name has one of the kinds that an app is made of, its content begins
as that kind does, and what is no picture, font, sound or film is text in UTF-8.
"""

import codecs
import re
import struct
from collections.abc import Iterator

from svc_miniapps.packages.checks.findings import Finding
from svc_miniapps.packages.checks.names import I18N

ZIP_END = struct.Struct("<4s4H2LH")
ZIP_END_MARK = b"PK\x05\x06"
MAX_COMMENT = 0xFFFF
HEAD = 512
"""Bytes from the beginning that tell."""
_ARCHIVES = (
    *(b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"),
    b"\x1f\x8b",  # gzip
    b"\x1f\x9d",  # compress
    b"\x1f\xa0",
    b"BZh",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\xfd7zXZ\x00",
    b"\x28\xb5\x2f\xfd",  # Zstandard
    b"\x04\x22\x4d\x18",  # LZ4
    b"LZIP",
    b"MSCF",  # Cabinet
    b"!<arch>\n",  # ar, also Debian packages and static libraries
    b"xar!",
    b"\xed\xab\xee\xdb",  # RPM
    b"070701",
    b"070702",
    b"070707",  # cpio
    b"ITSF",
    b"\x60\xea",  # ARJ
    *(b"hsqs", b"sqsh", b"MSWIM\0\0\0", b"Cr24"),  # squashfs, WIM, Chrome's
)
_LHA = (b"-lh", b"-lz")
_LHA_AT = 2
_TAR, _TAR_AT = b"ustar", 257
_PROGRAMS = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # Java class and universal Mach-O
    b"dex\n",
    b"\xc6\x1f\xbc\x03\xc1\x03\x19\x1f",  # Hermes, the bytecode of React Native
    b"PANDA\0\0\0",  # ArkTS
    b"\x00asm",  # WebAssembly: no reviewer reads it
    b"#!",
    b"L\x00\x00\x00\x01\x14\x02\x00",  # a Windows shortcut
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",  # OLE: Windows installers, and documents with macros
)
_DOS, _DOS_SIZE = b"MZ", 64
_UTF8_MARK = b"\xef\xbb\xbf"

_TEXTS = frozenset({"", "html", "htm", "css", "js", "mjs", "json", "txt", "md", "csv", "svg"})
"""Kinds of text; a name without any, such as LICENSE, is text too."""
_READ_ELSEWHERE = (".html", ".css", ".js", "manifest.json")
"""Whether these are text is found by what reads them."""
_PICTURE = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|RIFF.{4}WEBP|GIF8[79]a", re.DOTALL)
"""Browsers go by the content of a picture, so its extension may be that of another."""
_FORMS: dict[str, re.Pattern[bytes]] = {
    **dict.fromkeys(("png", "jpg", "jpeg", "webp", "gif"), _PICTURE),
    "ico": re.compile(rb"\x00\x00\x01\x00"),
    "woff": re.compile(rb"wOFF"),
    "woff2": re.compile(rb"wOF2"),
    "ttf": re.compile(rb"\x00\x01\x00\x00|true"),
    "otf": re.compile(rb"OTTO"),
    "mp3": re.compile(rb"ID3|\xff[\xe0-\xff]"),
    "mp4": re.compile(rb".{4}ftyp", re.DOTALL),
    "m4a": re.compile(rb".{4}ftyp", re.DOTALL),
    "ogg": re.compile(rb"OggS"),
    "wav": re.compile(rb"RIFF.{4}WAVE", re.DOTALL),
    "webm": re.compile(rb"\x1a\x45\xdf\xa3"),
}
"""How the content of each other kind begins."""
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:(?:\\[rn]|[\r\n]){1,4}[A-Za-z0-9+/]{4}|(?:\\[rn]|[\s\"'`+,;]){1,40}(?:[A-Za-z0-9+/]{32}|Proc-Type|Version:|Comment:))"
)
_LONGEST_KEY_HEAD = 256


class Content:
    """The content of one member, given a piece at a time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._kind = _kind_of(path)
        self._head = self._tail = b""
        self._is_text = True
        self._has_key = False
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def add(self, piece: bytes) -> None:
        if len(self._head) < HEAD:
            self._head += piece[:HEAD]
        self._has_key = self._has_key or bool(_KEY.search(self._tail[-_LONGEST_KEY_HEAD:] + piece))
        self._tail = (self._tail + piece)[-(ZIP_END.size + MAX_COMMENT) :]
        if self._is_text and self._must_be_text():
            self._is_text = not _CONTROL.search(piece) and self._decodes(piece)

    def findings(self) -> Iterator[Finding]:
        """At most one, after all pieces."""
        if _is_archive(self._head) or _ends_as_zip(self._tail):
            yield Finding("archive_inside", self._path)
        elif _is_program(self._head):
            yield Finding("program_inside", self._path)
        elif self._has_key:
            yield Finding("secret_file", self._path)
        elif self._kind not in _TEXTS and self._kind not in _FORMS:
            yield Finding("kind_not_allowed", self._path, {"kind": self._kind})
        elif not self._is_as_named():
            yield Finding("content_not_as_named", self._path, {"kind": self._kind})

    def _must_be_text(self) -> bool:
        is_read_elsewhere = self._path.startswith(I18N) or self._path.casefold().endswith(_READ_ELSEWHERE)
        return self._kind in _TEXTS and not is_read_elsewhere

    def _is_as_named(self) -> bool:
        if self._kind in _TEXTS:
            return self._is_text and (not self._must_be_text() or self._decodes(b"", is_last=True))
        return bool(_FORMS[self._kind].match(self._head))

    def _decodes(self, piece: bytes, *, is_last: bool = False) -> bool:
        try:
            self._decoder.decode(piece, is_last)
        except UnicodeDecodeError:
            return False
        return True


def _kind_of(path: str) -> str:
    """What is behind the last dot of a file's name."""
    return path.rpartition("/")[2].rpartition(".")[2].casefold() if "." in path.rpartition("/")[2] else ""


def _is_archive(head: bytes) -> bool:
    return head.startswith(_ARCHIVES) or head.startswith(_LHA, _LHA_AT) or head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR


def _is_program(head: bytes) -> bool:
    if head.removeprefix(_UTF8_MARK).startswith(_PROGRAMS):
        return True
    # Text may begin with MZ; a program then has a header of 64 bytes that is no text.
    return head.startswith(_DOS) and len(head) >= _DOS_SIZE and b"\0" in head[:_DOS_SIZE]


def _ends_as_zip(tail: bytes) -> bool:
    """Whether a ZIP directory ends exactly where the file ends: a ZIP file hidden behind something else."""
    place = tail.rfind(ZIP_END_MARK)
    if place < 0 or len(tail) - place < ZIP_END.size:
        return False
    comment_length = ZIP_END.unpack_from(tail, place)[-1]
    return place + ZIP_END.size + int(comment_length) == len(tail)
