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
from typing import Any, NamedTuple, Protocol
from uuid import UUID

GENESIS = bytes(32)
"""The hash before the first link."""
_FIRST_FORMAT = 1
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


class SealedFact(NamedTuple):
    """What a transfer was posted for."""

    position: int
    transfer_id: UUID
    content: str

    def line(self) -> str:
        return f"fact {self.position} {self.transfer_id} {self.content}"


class LinkHash:
    """The hash of one link, line by line, however many there are: its entries, then its facts."""

    def __init__(self, link: "SealedLink") -> None:
        """Begin with the link's own fields."""
        head = [
            f"myili-ledger-{link.format}",
            str(link.number),
            link.previous_hash.hex(),
            str(_micros(link.sealed_at)),
            *([] if link.format == _FIRST_FORMAT else [str(link.written_by)]),
        ]
        self._hash = hashlib.sha256("\n".join(head).encode())

    def add(self, sealed: SealedEntry | SealedFact) -> None:
        self._hash.update(f"\n{sealed.line()}".encode())

    def digest(self) -> bytes:
        return self._hash.digest()


class SealedLink(Protocol):
    """The fields of a link that its hash covers."""

    number: Any
    previous_hash: Any
    sealed_at: Any
    format: Any
    written_by: Any


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
