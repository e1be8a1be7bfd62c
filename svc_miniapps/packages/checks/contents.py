"""What a file is by its content, whatever its name says: archives and programs have no place in a package."""

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
    b"\x00asm",  # WebAssembly: no reviewer reads it
    b"#!",
    b"L\x00\x00\x00\x01\x14\x02\x00",  # a Windows shortcut
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",  # OLE: Windows installers, and documents with macros
)
_DOS, _DOS_SIZE = b"MZ", 64


def is_archive(head: bytes) -> bool:
    return head.startswith(_ARCHIVES) or head.startswith(_LHA, _LHA_AT) or head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR


def is_program(head: bytes) -> bool:
    if head.startswith(_PROGRAMS):
        return True
    # Text may begin with MZ; a program then has a header of 64 bytes that is no text.
    return head.startswith(_DOS) and len(head) >= _DOS_SIZE and b"\0" in head[:_DOS_SIZE]
