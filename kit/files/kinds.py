"""Kinds of files, told by their first bytes and their parts, so that a refusal can say what was sent."""

from collections.abc import Container, Mapping
from enum import StrEnum


class Kind(StrEnum):
    GZIP = "gzip"
    ZIP = "ZIP"
    XLSX = "XLSX"
    XLS = "XLS"
    """The older format, and that of workbooks with a password."""
    RAR = "RAR"
    SEVEN_ZIP = "7z"
    XZ = "XZ"
    ZSTANDARD = "Zstandard"
    PDF = "PDF"


_BEGINNINGS: Mapping[bytes, Kind] = {
    b"\x1f\x8b": Kind.GZIP,
    b"PK\x03\x04": Kind.ZIP,
    b"PK\x05\x06": Kind.ZIP,  # empty
    b"PK\x07\x08": Kind.ZIP,  # the first of several volumes
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": Kind.XLS,
    b"Rar!\x1a\x07": Kind.RAR,
    b"7z\xbc\xaf\x27\x1c": Kind.SEVEN_ZIP,
    b"\xfd7zXZ\x00": Kind.XZ,
    b"\x28\xb5\x2f\xfd": Kind.ZSTANDARD,
    b"%PDF-": Kind.PDF,
}
LONGEST_BEGINNING = max(map(len, _BEGINNINGS))


def kind_of(head: bytes) -> Kind | None:
    """The kind of file that begins like this, if it is none of text."""
    return next((kind for beginning, kind in _BEGINNINGS.items() if head.startswith(beginning)), None)


def is_workbook(names: Container[str]) -> bool:
    """Whether an archive with these files is a workbook."""
    return "[Content_Types].xml" in names and "xl/workbook.xml" in names
