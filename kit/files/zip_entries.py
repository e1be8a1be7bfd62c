"""One file of a ZIP file: its name, the header before it, its bytes, as every reader would find them."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

LOCAL = struct.Struct("<4s5H3L2H")
LOCAL_MARK = b"PK\x03\x04"
SIZES_FOLLOW_FLAG = 0x0008

_CHUNK = 64 * 1024
_UTF8_FLAG = 0x0800
_EXTRA = struct.Struct("<2H")
_UNICODE_PATH = 0x7075
_UNICODE_PATH_HEAD = 5  # a version and a checksum come before the name


class DamagedError(Exception):
    """A file's bytes do not match its directory entry."""


def content(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's content, exactly as long as its entry says.

    zipfile would stop at that length without checking whether more is packed; other readers continue.

    Raises:
        DamagedError: length, checksum, header or packed bytes disagree; perhaps after some pieces were given.
    """
    file.seek(data_offset(file, info))
    pieces = _inflated(file, info.compress_size) if info.compress_type else _plain(file, info.compress_size)
    length = checksum = 0
    for piece in pieces:
        length += len(piece)
        if length > info.file_size:
            raise DamagedError
        checksum = zlib.crc32(piece, checksum)
        yield piece
    if length != info.file_size or checksum != info.CRC:
        raise DamagedError


def _plain(file: IO[bytes], size: int) -> Iterator[bytes]:
    while size and (piece := file.read(min(_CHUNK, size))):
        size -= len(piece)
        yield piece


def _inflated(file: IO[bytes], size: int) -> Iterator[bytes]:
    """What packed bytes unpack to, a piece at a time however much that is; all of them are needed, and no more."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    packed = _plain(file, size)
    while not inflater.eof:
        waiting = inflater.unconsumed_tail or next(packed, b"")
        try:
            piece = inflater.decompress(waiting, _CHUNK)
        except zlib.error:
            raise DamagedError from None
        if not waiting and not piece:  # nothing more comes in or out, and the end was not reached
            raise DamagedError
        yield piece
    if inflater.unused_data or next(packed, b""):
        raise DamagedError


def data_offset(file: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Where a member's packed bytes begin, if its local header agrees with the directory."""
    file.seek(info.header_offset)
    record = file.read(LOCAL.size)
    if len(record) < LOCAL.size:
        raise DamagedError
    mark, _version, flags, method, _time, _date, *sizes, name_length, extra_length = LOCAL.unpack(record)
    name, extra = file.read(name_length), file.read(extra_length)
    agrees = (mark, flags, method, name) == (LOCAL_MARK, info.flag_bits, info.compress_type, raw_name(info))
    agrees &= not has_other_name(extra, name)
    # Tools that pack a stream write zeros here and put the values after the content.
    may_follow = bool(flags & SIZES_FOLLOW_FLAG)
    truth = (info.CRC, info.compress_size, info.file_size)
    if not agrees or any(said != true and (said or not may_follow) for said, true in zip(sizes, truth, strict=True)):
        raise DamagedError
    return info.header_offset + LOCAL.size + int(name_length) + int(extra_length)


def raw_name(info: zipfile.ZipInfo) -> bytes:
    """A member's name as it is written; zipfile takes names without the UTF-8 flag for code page 437."""
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8_FLAG else "cp437")


def path_of(info: zipfile.ZipInfo) -> str:
    """A member's name, read as UTF-8 as it has to be; many tools write it so without setting the flag."""
    return raw_name(info).decode("utf-8", "replace")


def chinese_name_of(info: zipfile.ZipInfo) -> str:
    """A member's name as Chinese tools write it: in UTF-8, flagged or not, or else in GB18030."""
    try:
        return raw_name(info).decode()
    except UnicodeDecodeError:
        return raw_name(info).decode("gb18030", "replace")


def has_other_name(extra: bytes, name: bytes) -> bool:
    """Whether an extra field gives another name (Info-ZIP's Unicode path), which some readers prefer."""
    while len(extra) >= _EXTRA.size:
        kind, length = _EXTRA.unpack_from(extra)
        content, extra = extra[_EXTRA.size : _EXTRA.size + length], extra[_EXTRA.size + length :]
        if kind == _UNICODE_PATH and content[_UNICODE_PATH_HEAD:] != name:
            return True
    return False
