"""The hash chain of a trail, computed from the tables' content independently of the database that made it.

A link is the SHA-256 of these lines, joined by line feeds, in UTF-8:

    myili-audit-1
    <number of the link, from 1 on>
    <hash of the link before it in hexadecimal; 64 zeros before the first>
    <when it was sealed: microseconds since 1970-01-01 UTC>
    <one line for each seal, by position>

and a seal's line is, between single spaces:

    <position> <table> <row key> <database role that wrote it> <content as PostgreSQL prints jsonb>
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

GENESIS = bytes(32)
"""The hash before the first link."""
_FORMAT = "myili-audit-1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Seal(NamedTuple):
    """One version of a row."""

    position: int
    table: str
    row_key: str
    written_by: str
    content: str

    def line(self) -> str:
        return f"{self.position} {self.table} {self.row_key} {self.written_by} {self.content}"

    @property
    def row(self) -> str:
        return f"{self.table} {self.row_key}"


class LinkHash:
    """The hash of one link, seal by seal, however many there are."""

    def __init__(self, number: int, previous_hash: bytes, sealed_at: datetime) -> None:
        """Begin with the link's own fields."""
        head = f"{_FORMAT}\n{number}\n{previous_hash.hex()}\n{micros(sealed_at)}"
        self._hash = hashlib.sha256(head.encode())

    def add(self, seal: Seal) -> None:
        self._hash.update(f"\n{seal.line()}".encode())

    def digest(self) -> bytes:
        return self._hash.digest()


def micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
