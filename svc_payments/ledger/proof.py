"""The proof of the ledger's chain over everything it holds: each finding is a sentence with the ids concerned.

All of it reads one snapshot, so it may run beside the service, and row by row, so it needs no more memory for a year
than for a day.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Text, cast, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.audit.proof import Progress, in_utc
from svc_payments.amounts import in_digits
from svc_payments.ledger.anchors import Head, Totals, listing_findings
from svc_payments.ledger.chain import GENESIS, LinkHash, SealedEntry, SealedFact
from svc_payments.ledger.derivations import CHECKS
from svc_payments.ledger.facts import fact_findings
from svc_payments.ledger.models import Account, Entry, Fact, Link, Transfer

_ROWS_AT_ONCE = 2_000
ROLE = "myili_payments"
"""The database role as which the service writes."""
_ENTRIES = (
    select(
        Entry.position,
        Entry.transfer_id,
        Transfer.kind,
        Transfer.reference_id,
        func.coalesce(Transfer.created_at, func.to_timestamp(0)),
        func.coalesce(Account.kind, "unknown"),
        Account.holder,
        Entry.amount_fen,
    )
    # Outer: an entry whose transfer or account was removed must not go unseen.
    .outerjoin(Transfer, Transfer.id == Entry.transfer_id)
    .outerjoin(Account, Account.id == Entry.account_id)
    .order_by(Entry.position)
)


_FACTS = select(Fact.position, Fact.transfer_id, cast(Fact.content, Text)).order_by(Fact.position)
Sealed = TypeVar("Sealed", SealedEntry, SealedFact)


async def findings(tx: AsyncSession, anchors: Mapping[int, Head], progress: Progress) -> AsyncIterator[str]:
    """Everything that is not as it must be; nothing, when the ledger is right.

    Args:
        tx: one snapshot of the database.
        anchors: the heads kept outside, by the number of their link.
        progress: receives the position of the proof.
    """
    await in_utc(tx)
    async for finding in _chain_findings(tx, anchors, progress):
        yield finding
    async for finding in listing_findings(tx, anchors):
        yield finding
    async for finding in fact_findings(tx, progress):
        yield finding
    for place, check in enumerate(CHECKS, start=1):
        progress("checks of sums and payments", place, len(CHECKS))
        async for row in await tx.stream(text(check.rows)):
            yield check.sentence.format_map(_as_read(row._asdict()))


def _as_read(row: dict[str, Any]) -> dict[str, Any]:
    """A row's values for a sentence, amounts in yuan."""
    return {
        name: in_digits(int(value)) if name.endswith("_fen") and value is not None else value
        for name, value in row.items()
    }


async def _chain_findings(tx: AsyncSession, anchors: Mapping[int, Head], progress: Progress) -> AsyncIterator[str]:
    """Recompute every link from the entries, and compare the anchored heads."""
    last = await tx.scalar(select(Link.number).order_by(Link.number.desc()).limit(1)) or 0
    walk = _Walk(_entries(tx), _facts(tx))
    links = await tx.stream_scalars(select(Link).order_by(Link.number), execution_options={"yield_per": _ROWS_AT_ONCE})
    async for link in links:
        async for finding in walk.findings_in(link):
            yield finding
        anchored = anchors.get(link.number)
        if anchored and (fault := walk.difference(anchored)):
            yield f"Link {link.number} was anchored with another {fault}: the chain was written anew since."
        if link.number % _ROWS_AT_ONCE == 0 or link.number == last:
            progress("links of the chain", link.number, last)
        tx.expunge(link)
    async for finding in walk.findings_after():
        yield finding
    for number in sorted(number for number in anchors if number > walk.number):
        yield f"Link {number} is anchored, but the chain ends with link {walk.number}: its tail was cut off."


class _Ahead(Generic[Sealed]):
    """Rows of which the next can be looked at before it is taken."""

    def __init__(self, rows: AsyncIterator[Sealed]) -> None:
        """Nothing is read yet."""
        self._rows: AsyncIterator[Sealed] = rows
        self._next: Sealed | None = None

    async def peek(self) -> Sealed | None:
        if self._next is None:
            self._next = await anext(self._rows, None)
        return self._next

    def take(self) -> None:
        self._next = None


class _Walk:
    """A walk along the chain, link by link, with the entries and facts beside it."""

    def __init__(self, entries: AsyncIterator[SealedEntry], facts: AsyncIterator[SealedFact]) -> None:
        """Stand before the first link."""
        self.number, self._hash, self._last_position = 0, GENESIS, 0
        self._sealed_at: datetime | None = None
        self._entries = _Ahead(entries)
        self._facts = _Ahead(facts)
        self._debit_fen: defaultdict[str, int] = defaultdict(int)
        self._credit_fen: defaultdict[str, int] = defaultdict(int)

    async def findings_in(self, link: Link) -> AsyncIterator[str]:
        if link.number != self.number + 1:
            yield f"Links {self.number + 1} to {link.number - 1} of the chain are missing."
        if link.previous_hash != self._hash:
            yield f"Link {link.number} does not follow from the link before it."
        if self._sealed_at and link.sealed_at < self._sealed_at:
            yield f"Link {link.number} was sealed before the link before it."
        if link.written_by not in {None, ROLE}:
            yield f"Link {link.number} was written by the database role {link.written_by}, not by the service."
        computed, first_position = LinkHash(link), None
        while (entry := await self._entries.peek()) and entry.position <= link.last_position:
            if entry.position < link.first_position:
                yield _in_no_link(entry)
            else:
                computed.add(entry)
                first_position = first_position or entry.position
            self._count(entry)
        while (fact := await self._facts.peek()) and fact.position <= link.last_position:
            computed.add(fact)
            self._facts.take()
        if computed.digest() != link.hash or first_position != link.first_position:
            yield (
                f"Link {link.number} does not hold what was sealed: among the entries {link.first_position} to "
                f"{link.last_position}, their transfers, accounts and facts something was changed, removed or added."
            )
        self.number, self._hash, self._sealed_at = link.number, link.hash, link.sealed_at
        self._last_position = link.last_position

    async def findings_after(self) -> AsyncIterator[str]:
        while entry := await self._entries.peek():
            yield _in_no_link(entry)
            self._count(entry)
        while fact := await self._facts.peek():
            yield f"ledger_facts {fact.position}: of transfer {fact.transfer_id}, in no link of the chain."
            self._facts.take()

    def _count(self, entry: SealedEntry) -> None:
        self._debit_fen[entry.account_kind] += max(entry.amount_fen, 0)
        self._credit_fen[entry.account_kind] += max(-entry.amount_fen, 0)
        self._entries.take()

    def difference(self, anchored: Head) -> str | None:
        """What an anchor says otherwise than the chain up to here."""
        if anchored.hash != self._hash.hex():
            return "hash"
        if self._sealed_at is None or anchored.sealed_at != self._sealed_at.isoformat():
            return "time"
        if anchored.last_position != self._last_position:
            return "last entry"
        moved = {kind: totals for kind, totals in anchored.totals.items() if totals != Totals(0, 0)}
        walked = {kind: Totals(debit, self._credit_fen[kind]) for kind, debit in self._debit_fen.items()}
        return "sum of its accounts" if moved != walked else None


def _in_no_link(entry: SealedEntry) -> str:
    return f"Entry {entry.position} of transfer {entry.transfer_id} is in no link of the chain."


async def _entries(tx: AsyncSession) -> AsyncIterator[SealedEntry]:
    async for row in await tx.stream(_ENTRIES, execution_options={"yield_per": _ROWS_AT_ONCE}):
        yield SealedEntry(*row)


async def _facts(tx: AsyncSession) -> AsyncIterator[SealedFact]:
    async for row in await tx.stream(_FACTS, execution_options={"yield_per": _ROWS_AT_ONCE}):
        yield SealedFact(*row)
