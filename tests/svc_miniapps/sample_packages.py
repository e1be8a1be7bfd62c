"""Packages for tests: sound ones by zipfile, broken ones byte by byte."""

import io
import json
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def manifest_for(app_id: str, name: str, version_code: int = 1, /, **changes: object) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "app_id": app_id,
        "name": name,
        "icons": [{"src": "common/icon.png", "sizes": "48x48"}],
        "pages": ["pages/index", "pages/detail/detail.html"],
        "platform_version": {"min_code": 1},
        "version": {"code": version_code, "name": f"1.{version_code}.0"},
        **changes,
    }
    return {name: value for name, value in manifest.items() if value is not None}


@dataclass
class Package:
    """A sound package; tests change `files` and `manifest` before packing it."""

    manifest: dict[str, Any] | bytes
    files: dict[str, bytes] = field(
        default_factory=lambda: {
            "app.js": b"App({})",
            "app.css": b"",
            "pages/index.html": "<p>停车</p>".encode(),
            "pages/detail/detail.html": b"<p></p>",
            "common/icon.png": PNG,
            "i18n/zh-Hans.json": b"{}",
        }
    )

    @property
    def content(self) -> dict[str, bytes]:
        manifest = self.manifest if isinstance(self.manifest, bytes) else json.dumps(self.manifest).encode()
        return {"manifest.json": manifest, **self.files}

    def packed(self, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", compression) as archive:
            for name, content in self.content.items():
                # A fixed time: the same content makes the same bytes.
                info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
                info.compress_type = compression
                archive.writestr(info, content)
        return packed.getvalue()

    def entries(self) -> "list[Entry]":
        return [Entry(name.encode(), content) for name, content in self.content.items()]


@dataclass
class Entry:
    """One member of a ZIP file; every field can be falsified, None gives the true value."""

    name: bytes
    content: bytes = b""
    flags: int = 0x0800
    method: int = zipfile.ZIP_DEFLATED
    mode: int = 0
    dos: int = 0
    """Attributes of MS-DOS."""
    disk: int = 0
    crc: int | None = None
    unpacked: int | None = None
    data: bytes | None = None
    """The compressed bytes in the file."""
    local_name: bytes | None = None
    local_method: int | None = None
    local_unpacked: int | None = None
    local_packed: int | None = None
    local_crc: int | None = None
    local_flags: int | None = None
    version: int = 20
    """What a reader needs, in the directory."""
    local_version: int = 20
    descriptor: bytes | None = None
    """What follows the content; by default what its flag announces."""
    extra: bytes = b""
    local_extra: bytes | None = None
    offset: int | None = None
    """The offset in the directory, if it is not the true one."""
    behind: bytes = b""
    """Bytes after the member that no entry names."""

    def packed(self) -> bytes:
        if self.data is not None:
            return self.data
        if self.method != zipfile.ZIP_DEFLATED:
            return self.content
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflate.compress(self.content) + deflate.flush()

    def header(self, *, local: bool) -> tuple[int, int, int, int, int, int, int]:
        """Flags, method, time, date, checksum, and the two sizes."""
        flags, method = self.flags, self.method
        crc = zlib.crc32(self.content) if self.crc is None else self.crc
        packed = len(self.packed())
        unpacked = len(self.content) if self.unpacked is None else self.unpacked
        if local:
            flags = flags if self.local_flags is None else self.local_flags
            method = method if self.local_method is None else self.local_method
            crc = crc if self.local_crc is None else self.local_crc
            packed = packed if self.local_packed is None else self.local_packed
            unpacked = unpacked if self.local_unpacked is None else self.local_unpacked
        return flags, method, 0, 0x5C21, crc, packed, unpacked

    def local_part(self) -> bytes:
        name = self.name if self.local_name is None else self.local_name
        extra = self.extra if self.local_extra is None else self.local_extra
        head = struct.pack("<4s5H3L2H", b"PK\3\4", self.local_version, *self.header(local=True), len(name), len(extra))
        return head + name + extra + self.packed() + self.after_content() + self.behind

    def after_content(self) -> bytes:
        if self.descriptor is not None or not self.flags & 0x0008:
            return self.descriptor or b""
        return struct.pack("<4s3L", b"PK\7\x08", *self.header(local=False)[-3:])

    def directory_part(self, offset: int) -> bytes:
        place = offset if self.offset is None else self.offset
        head = struct.pack("<4s6H3L", b"PK\1\2", 3 << 8 | 20, self.version, *self.header(local=False))
        rest = struct.pack("<5H2L", len(self.name), len(self.extra), 0, self.disk, 0, self.mode << 16 | self.dos, place)
        return head + rest + self.name + self.extra


def zipped(
    entries: list[Entry], *, prefix: bytes = b"", disk: int = 0, extra_count: int = 0, comment: bytes = b""
) -> bytes:
    """A ZIP file of these entries."""
    body = bytearray(prefix)
    directory = bytearray()
    for entry in entries:
        directory += entry.directory_part(len(body))
        body += entry.local_part()
    count = len(entries) + extra_count
    end = struct.pack("<4s4H2LH", b"PK\5\6", disk, disk, count, count, len(directory), len(body), len(comment))
    return bytes(body + directory + end + comment)
