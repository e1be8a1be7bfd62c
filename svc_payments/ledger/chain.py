"""The hash chain, computed from the tables' content independently of the database that made it.

A link is the SHA-256 of these lines, joined by line feeds, in UTF-8:

    myili-ledger-1
    <number of the link, from 1 on>
    <hash of the link before it in hexadecimal; 64 zeros before the first>
    <when it was sealed: microseconds since 1970-01-01 UTC>
    <one line for each entry, by position>

and an entry's line is, between single spaces:

    <position> <transfer id> <transfer kind> <reference id> <transfer's created_at in microseconds>
    <account kind> <account holder> <amount in fen, signed: debits are positive>
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

GENESIS = bytes(32)
"""The hash before the first link."""
_FORMAT = "myili-ledger-1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class SealedEntry(NamedTuple):
    """An entry with all that its line says."""

    position: int
    transfer_id: UUID
    transfer_kind: str
    reference_id: UUID
    created_at: datetime
    account_kind: str
    holder: str
    amount_fen: int

    def line(self) -> str:
        return (
            f"{self.position} {self.transfer_id} {self.transfer_kind} {self.reference_id} {_micros(self.created_at)} "
            f"{self.account_kind} {self.holder} {self.amount_fen}"
        )


class LinkHash:
    """The hash of one link, entry by entry, however many there are."""

    def __init__(self, number: int, previous_hash: bytes, sealed_at: datetime) -> None:
        """Begin with the link's own fields."""
        head = f"{_FORMAT}\n{number}\n{previous_hash.hex()}\n{_micros(sealed_at)}"
        self._hash = hashlib.sha256(head.encode())

    def add(self, entry: SealedEntry) -> None:
        self._hash.update(f"\n{entry.line()}".encode())

    def digest(self) -> bytes:
        return self._hash.digest()


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
