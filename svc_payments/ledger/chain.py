"""The hash chain, computed from the tables' content independently of the database that made it.

A link is the SHA-256 of these lines, joined by line feeds, in UTF-8:

    myili-ledger-2
    <number of the link, from 1 on>
    <hash of the link before it in hexadecimal; 64 zeros before the first>
    <when it was sealed: microseconds since 1970-01-01 UTC>
    <the database role that wrote it>
    <one line for each entry, by position>
    <one line for each fact, by position>

An entry's line is, between single spaces:

    <position> <transfer id> <transfer kind> <reference id> <transfer's created_at in microseconds>
    <account kind> <account holder> <amount in fen, signed: debits are positive>

and a fact's:

    fact <position of its transfer's first entry> <transfer id> <content as PostgreSQL prints jsonb>

Links of the first format begin with myili-ledger-1 and have neither a role nor facts.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

GENESIS = bytes(32)
"""The hash before the first link."""
FIRST_FORMAT = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SealedLink(NamedTuple):
    """A link as it is stored: what its hash covers, and where its entries are."""

    number: int
    previous_hash: bytes
    hash: bytes
    first_position: int
    last_position: int
    sealed_at: datetime
    format: int
    written_by: str | None


class LinkHash:
    """The hash of one link, line by line, however many there are: its entries, then its facts."""

    def __init__(self, link: SealedLink) -> None:
        """Begin with the link's own fields."""
        head = [
            f"myili-ledger-{link.format}",
            str(link.number),
            link.previous_hash.hex(),
            str((link.sealed_at - _EPOCH) // _MICROSECOND),
            *([] if link.format == FIRST_FORMAT else [str(link.written_by)]),
        ]
        self._hash = hashlib.sha256("\n".join(head).encode())

    def add_entry(self, line: bytes) -> None:
        self._hash.update(b"\n" + line)

    def add_fact(self, line: bytes) -> None:
        self._hash.update(b"\nfact " + line)

    def digest(self) -> bytes:
        return self._hash.digest()
