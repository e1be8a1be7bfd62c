"""The ZIP container of a package: W3C MiniApp Packaging, "MiniApp ZIP Container", and what keeps readers safe.

Everything that two ZIP readers could understand differently is refused: what the reviewer unpacks must be what the
phone unpacks. A member is a folder exactly when its name ends in a slash. So there is one directory, at the very end,
that agrees with the headers before each file; every byte belongs to one file, the directory or the end record.
"""

import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO

from kit.files.zip_entries import (
    LOCAL,
    LOCAL_MARK,
    SIZES_FOLLOW_FLAG,
    DamagedError,
    content,
    has_other_name,
    path_of,
    raw_name,
)
from svc_miniapps.packages.checks import contents, extras, names, regions
from svc_miniapps.packages.checks.contents import MAX_COMMENT, ZIP_END, ZIP_END_MARK
from svc_miniapps.packages.checks.findings import Finding, first_of

MAX_PACKAGE_BYTES = 20 * 1024 * 1024
MAX_MEMBERS = 2_000
MAX_MEMBER_BYTES = 20 * 1024 * 1024
MAX_UNPACKED_BYTES = 64 * 1024 * 1024
MAX_RATIO = 100
RATIO_MATTERS_FROM = 1024 * 1024
"""Small files may compress as well as they like; a ratio is a danger only where there is much to unpack."""

_SPLIT_MARKS = (b"PK\x07\x08", b"PK00")
_ZIP64_MARK = b"PK\x06\x07"
_ZIP64_SIZE = 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# What zipfile raises on bytes that are no ZIP file, besides its own error.
_UNREADABLE = (zipfile.BadZipFile, struct.error, EOFError, NotImplementedError, ValueError, OverflowError)


@dataclass(frozen=True)
class _End:
    """The record at the end of a ZIP file."""

    disk: int
    directory_disk: int
    entries_here: int
    entries: int
    directory_size: int
    directory_offset: int


@dataclass(frozen=True)
class Archive:
    """A ZIP file with a valid directory; `findings` lists the faults of its members."""

    file: IO[bytes]
    infos: Sequence[zipfile.ZipInfo]
    findings: Sequence[Finding]

    @property
    def paths(self) -> list[str]:
        return [path_of(info) for info in self.infos]

    def read(self, path: str, limit: int) -> bytes | None:
        """The content of a member that has no finding, or None when it is longer than `limit` bytes."""
        info = self._by_path[path]
        return None if info.file_size > limit else b"".join(content(self.file, info))

    def is_sound(self, path: str) -> bool:
        """Whether nothing is wrong with a member, so that it can be read."""
        return path not in self._troubled and None not in self._troubled

    @cached_property
    def _troubled(self) -> frozenset[str | None]:
        return frozenset(finding.member for finding in self.findings if finding.code != "content_not_as_named")

    def size_of(self, path: str) -> int:
        return self._by_path[path].file_size

    @cached_property
    def _by_path(self) -> dict[str, zipfile.ZipInfo]:
        return {path_of(info): info for info in self.infos}


def open_archive(file: IO[bytes]) -> Archive | Sequence[Finding]:
    """Read the directory of a ZIP file and check every member; a finding if it cannot be read at all."""
    end = _read_end(file)
    if isinstance(end, Finding):
        return [end]
    try:
        infos = zipfile.ZipFile(file).infolist()
    except UnicodeDecodeError:
        return [Finding("name_not_utf8")]
    except _UNREADABLE:
        return [Finding("damaged")]
    starts_at = min((info.header_offset for info in infos), default=0)
    if len(infos) != end.entries or starts_at or not regions.fills(infos, end.directory_size):
        return [Finding("damaged")]
    return Archive(file, infos, first_of(_check(file, infos, end.directory_offset)))


def _check(file: IO[bytes], infos: Sequence[zipfile.ZipInfo], directory_offset: int) -> Iterator[Finding]:
    """Every fault of the members. What has one is not unpacked, and nothing is if it is too large as a whole."""
    troubled = set[str | None]()
    for finding in _check_directory(file, infos, directory_offset):
        troubled.add(finding.member)
        yield finding
    if None in troubled:
        return
    for info in infos:
        if path_of(info) not in troubled:
            for finding in _check_content(file, info):
                troubled.add(finding.member)
                yield finding
    if not troubled:
        yield from regions.check_gaps(file, infos, directory_offset)


def _check_directory(file: IO[bytes], infos: Sequence[zipfile.ZipInfo], directory_offset: int) -> Iterator[Finding]:
    for info in infos:
        yield from _check_entry(info)
        yield from _check_extras(file, info)
        yield from regions.check_readable(file, info)
    yield from regions.check_marks(infos)
    yield from names.check_unique(path_of(info) for info in infos)
    yield from _check_sizes(infos)
    yield from _check_overlaps(infos, directory_offset)


def _read_end(file: IO[bytes]) -> _End | Finding:
    file.seek(0)
    start = file.read(4)
    if start != LOCAL_MARK:
        return Finding("split" if start in _SPLIT_MARKS else "not_a_zip")
    size = file.seek(0, 2)
    if size > MAX_PACKAGE_BYTES:
        return Finding("package_too_large", values={"bytes": size, "limit": MAX_PACKAGE_BYTES})
    file.seek(max(0, size - ZIP_END.size - _ZIP64_SIZE))
    before, record = file.read(min(_ZIP64_SIZE, max(0, size - ZIP_END.size))), file.read(ZIP_END.size)
    if len(record) < ZIP_END.size or not record.startswith(ZIP_END_MARK):
        return Finding(_why_no_end(file, size))
    # A second, 64-bit record would name another directory; nothing of our sizes needs one.
    return Finding("zip64") if before.startswith(_ZIP64_MARK) else _checked_end(record, size)


def _checked_end(record: bytes, size: int) -> _End | Finding:
    _mark, *numbers, comment_length = ZIP_END.unpack(record)
    end = _End(*numbers)
    if end.disk or end.directory_disk or end.entries_here != end.entries:
        return Finding("split")
    if end.entries > MAX_MEMBERS:
        return Finding("too_many_files", values={"count": end.entries, "limit": MAX_MEMBERS})
    if comment_length or end.directory_offset + end.directory_size != size - ZIP_END.size:
        return Finding("damaged")
    return end


def _why_no_end(file: IO[bytes], size: int) -> str:
    """Without the end record in its place, the file was cut short or has trailing data."""
    file.seek(max(0, size - ZIP_END.size - MAX_COMMENT))
    tail = file.read()
    place = tail.rfind(ZIP_END_MARK)
    if place < 0 or len(tail) - place < ZIP_END.size:
        return "cut_short"
    comment_length = ZIP_END.unpack_from(tail, place)[-1]
    return "archive_comment" if place + ZIP_END.size + comment_length == len(tail) else "data_after_end"


def _check_entry(info: zipfile.ZipInfo) -> Iterator[Finding]:
    """One member's entry in the directory."""
    path = path_of(info)
    if info.flag_bits & regions.ENCRYPTED_FLAGS:
        yield Finding("encrypted", path)
    if info.compress_type not in _METHODS:
        yield Finding("compression_method", path, {"method": info.compress_type})
    if info.volume:
        yield Finding("split", path)
    if path.encode() == raw_name(info):
        yield from names.check_path(path)
    else:
        yield Finding("name_not_utf8", path)
    if has_other_name(info.extra, raw_name(info)):
        yield Finding("two_names", path)
    if not regions.is_what_it_is_called(path, info.external_attr):
        yield Finding("not_a_file", path)
    if path.endswith("/") and info.file_size:
        yield Finding("folder_with_content", path)
    if info.comment:
        yield Finding("member_comment", path)
    if info.flag_bits & SIZES_FOLLOW_FLAG and info.compress_type == zipfile.ZIP_STORED:
        # A reader that takes the file as a stream cannot tell where such a member ends.
        yield Finding("streamed_without_compression", path)


def _check_extras(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[Finding]:
    both = (info.extra, extras.local_extra(file, info))
    if any(map(extras.has_zip64, both)):
        yield Finding("zip64", path_of(info))
    elif any(map(extras.has_hidden_bytes, both)):
        yield Finding("extra_field", path_of(info))


def _check_sizes(infos: Sequence[zipfile.ZipInfo]) -> Iterator[Finding]:
    total = sum(info.file_size for info in infos)
    if total > MAX_UNPACKED_BYTES:
        yield Finding("unpacked_too_large", values={"bytes": total, "limit": MAX_UNPACKED_BYTES})
    for info in infos:
        if info.file_size > MAX_MEMBER_BYTES:
            limits = {"bytes": info.file_size, "limit": MAX_MEMBER_BYTES}
            yield Finding("file_too_large", path_of(info), limits)
        elif info.file_size > max(RATIO_MATTERS_FROM, info.compress_size * MAX_RATIO):
            yield Finding("ratio_too_high", path_of(info), {"limit": MAX_RATIO})


def _check_overlaps(infos: Sequence[zipfile.ZipInfo], directory_offset: int) -> Iterator[Finding]:
    ordered = sorted(infos, key=lambda info: info.header_offset)
    ends = [following.header_offset for following in ordered[1:]] + [directory_offset]
    for info, end in zip(ordered, ends, strict=True):
        if info.header_offset + LOCAL.size + len(raw_name(info)) + info.compress_size > end:
            yield Finding("overlapping", path_of(info))


def _check_content(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[Finding]:
    """Unpack one member, to nowhere: its header, length and checksum, and what it is."""
    path = path_of(info)
    found = contents.Content(path)
    try:
        for piece in content(file, info):
            found.add(piece)
    except DamagedError:
        yield Finding("damaged_file", path)
        return
    if not path.endswith("/"):
        yield from found.findings()
