"""The proof of the ledger over everything it holds: each finding is a sentence with the ids concerned.

All of it reads one snapshot, so it may run beside the service, and row by row, so it needs no more memory for a year
than for a day.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.amounts import in_digits
from svc_payments.ledger.anchors import Head, Totals
from svc_payments.ledger.chain import GENESIS, LinkHash, SealedEntry
from svc_payments.ledger.models import Account, Anchor, Entry, Link, Transfer

Progress = Callable[[str, int, int], None]
"""Receives from time to time: the kind, how many are done, of how many."""
_ROWS_AT_ONCE = 2_000
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


async def findings(tx: AsyncSession, anchors: Mapping[int, Head], progress: Progress) -> AsyncIterator[str]:
    """Everything that is not as it must be; nothing, when the ledger is right.

    Args:
        tx: one snapshot of the database.
        anchors: the heads kept outside, by the number of their link.
        progress: receives the position of the proof.
    """
    async for finding in _chain_findings(tx, anchors, progress):
        yield finding
    async for finding in _anchor_findings(tx, anchors):
        yield finding
    for place, check in enumerate(CHECKS, start=1):
        progress("checks of sums and payments", place, len(CHECKS))
        async for row in await tx.stream(text(check.rows)):
            yield check.sentence.format_map(_as_read(row._asdict()))


def _as_read(row: dict[str, Any]) -> dict[str, Any]:
    """A row's values for a sentence, amounts in yuan."""
    return {name: in_digits(int(value)) if name.endswith("_fen") else value for name, value in row.items()}


async def _chain_findings(tx: AsyncSession, anchors: Mapping[int, Head], progress: Progress) -> AsyncIterator[str]:
    """Recompute every link from the entries, and compare the anchored heads."""
    last = await tx.scalar(select(Link.number).order_by(Link.number.desc()).limit(1)) or 0
    walk = _Walk(_entries(tx))
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


class _Walk:
    """A walk along the chain, link by link, with the entries beside it."""

    def __init__(self, entries: AsyncIterator[SealedEntry]) -> None:
        """Stand before the first link."""
        self.number, self._hash, self._last_position = 0, GENESIS, 0
        self._sealed_at: datetime | None = None
        self._entries = entries
        self._next: SealedEntry | None = None
        self._debit_fen: defaultdict[str, int] = defaultdict(int)
        self._credit_fen: defaultdict[str, int] = defaultdict(int)

    async def findings_in(self, link: Link) -> AsyncIterator[str]:
        if link.number != self.number + 1:
            yield f"Links {self.number + 1} to {link.number - 1} of the chain are missing."
        if link.previous_hash != self._hash:
            yield f"Link {link.number} does not follow from the link before it."
        if self._sealed_at and link.sealed_at < self._sealed_at:
            yield f"Link {link.number} was sealed before the link before it."
        computed = LinkHash(link.number, link.previous_hash, link.sealed_at)
        while (entry := await self._upcoming()) and entry.position <= link.last_position:
            if entry.position < link.first_position:
                yield _in_no_link(entry)
            else:
                computed.add(entry)
            self._count(entry)
        if computed.digest() != link.hash:
            yield (
                f"Link {link.number} does not hold what was sealed: among the entries {link.first_position} to "
                f"{link.last_position}, their transfers and accounts something was changed, removed or added."
            )
        self.number, self._hash, self._sealed_at = link.number, link.hash, link.sealed_at
        self._last_position = link.last_position

    async def findings_after(self) -> AsyncIterator[str]:
        while entry := await self._upcoming():
            yield _in_no_link(entry)
            self._count(entry)

    async def _upcoming(self) -> SealedEntry | None:
        if self._next is None:
            self._next = await anext(self._entries, None)
        return self._next

    def _count(self, entry: SealedEntry) -> None:
        self._debit_fen[entry.account_kind] += max(entry.amount_fen, 0)
        self._credit_fen[entry.account_kind] += max(-entry.amount_fen, 0)
        self._next = None

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


async def _anchor_findings(tx: AsyncSession, anchors: Mapping[int, Head]) -> AsyncIterator[str]:
    async for anchor in await tx.stream_scalars(select(Anchor).order_by(Anchor.link_number)):
        if anchor.link_number not in anchors:
            yield f"The anchor of link {anchor.link_number} is not in the store of anchors: {anchor.object_name}."


@dataclass(frozen=True)
class Check:
    """A query for violations, and the sentence that describes each row."""

    sentence: str
    rows: str


# The amount of a transfer is what it debits: its entries sum to zero.
_AMOUNTS = """
    SELECT transfer.id, transfer.kind, transfer.reference_id,
        (SELECT sum(amount_fen) FROM ledger_entries WHERE transfer_id = transfer.id AND amount_fen > 0) AS amount_fen
    FROM ledger_transfers AS transfer
"""
# Before there were clearing accounts, a capture credited the provider at once and a booking moved nothing.
_CREDITED_AT_CAPTURE = """
    SELECT FROM ledger_transfers AS capture
    JOIN ledger_entries AS entry ON entry.transfer_id = capture.id
    JOIN ledger_accounts AS account ON account.id = entry.account_id
    WHERE capture.reference_id = posting.payment_id AND capture.kind = 'payment_captured'
    AND account.kind = 'provider_payable'
"""
CHECKS = (
    Check(
        "Transfer {id} has no entries, or entries that sum to {sum_fen} instead of zero.",
        """
        SELECT transfer.id, coalesce(sum(entry.amount_fen), 0) AS sum_fen
        FROM ledger_transfers AS transfer LEFT JOIN ledger_entries AS entry ON entry.transfer_id = transfer.id
        GROUP BY transfer.id HAVING coalesce(sum(entry.amount_fen), 1) <> 0
        """,
    ),
    Check(
        "Transfer {transfer_id} is spread over more than one link of the chain.",
        """
        SELECT transfer_id FROM (
            SELECT transfer_id, min(position) AS first_one, max(position) AS last_one
            FROM ledger_entries GROUP BY transfer_id
        ) AS transfer
        CROSS JOIN LATERAL (
            SELECT last_position FROM ledger_links WHERE last_position >= first_one ORDER BY last_position LIMIT 1
        ) AS link
        WHERE last_one > link.last_position
        """,
    ),
    Check(
        "All entries sum to {sum_fen} instead of zero.",
        "SELECT sum(amount_fen) AS sum_fen FROM ledger_entries HAVING sum(amount_fen) <> 0",
    ),
    Check(
        "Account {id} ({kind} of {holder}) is kept as {debit_fen} debited and {credit_fen} credited; its "
        "entries come to {debited_fen} and {credited_fen}.",
        """
        SELECT id, kind, holder, debit_fen, credit_fen, coalesce(debited, 0) AS debited_fen,
            coalesce(credited, 0) AS credited_fen
        FROM ledger_accounts LEFT JOIN (
            SELECT account_id, sum(greatest(amount_fen, 0)) AS debited, sum(greatest(-amount_fen, 0)) AS credited
            FROM ledger_entries GROUP BY account_id
        ) AS moved ON account_id = id
        WHERE (debit_fen, credit_fen) <> (coalesce(debited, 0), coalesce(credited, 0))
        """,
    ),
    Check(
        "The trial balance does not come to zero: {debit_fen} debited, {credit_fen} credited.",
        """
        SELECT sum(debit_fen) AS debit_fen, sum(credit_fen) AS credit_fen FROM ledger_accounts
        HAVING sum(debit_fen) <> sum(credit_fen)
        """,
    ),
    Check(
        "Payment {id} is captured and has {captures} capture transfers instead of one.",
        """
        SELECT payment.id, count(transfer.id) AS captures FROM payments AS payment
        LEFT JOIN ledger_transfers AS transfer
            ON transfer.reference_id = payment.id AND transfer.kind IN ('payment_captured', 'payment_held')
        WHERE payment.captured_at IS NOT NULL GROUP BY payment.id HAVING count(transfer.id) <> 1
        """,
    ),
    Check(
        "Transfer {id} captures payment {reference_id}, which is not captured.",
        """
        SELECT transfer.id, reference_id FROM ledger_transfers AS transfer
        LEFT JOIN payments AS payment ON payment.id = reference_id
        WHERE transfer.kind IN ('payment_captured', 'payment_held') AND payment.captured_at IS NULL
        """,
    ),
    Check(
        "Transfer {id} captures {amount_fen}; payment {reference_id} is of {paid_fen}.",
        f"""
        SELECT capture.*, payment.amount_fen AS paid_fen FROM ({_AMOUNTS}) AS capture
        JOIN payments AS payment ON payment.id = reference_id
        WHERE capture.kind IN ('payment_captured', 'payment_held')
        AND capture.amount_fen IS DISTINCT FROM payment.amount_fen
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "Posting {id} is booked, and {transfers} transfers say so, of {booked_fen}; it should be one of {amount_fen}.",
        f"""
        SELECT posting.id, posting.amount_fen, count(booking.id) AS transfers,
            coalesce(sum(booking.amount_fen), 0) AS booked_fen
        FROM postings AS posting
        LEFT JOIN ({_AMOUNTS} WHERE transfer.kind = 'bill_booked') AS booking ON booking.reference_id = posting.id
        WHERE posting.status = 'booked' AND NOT EXISTS ({_CREDITED_AT_CAPTURE})
        GROUP BY posting.id HAVING (count(booking.id), sum(booking.amount_fen)) IS DISTINCT FROM (1, posting.amount_fen)
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "Transfer {id} books posting {reference_id}, which no provider has booked.",
        """
        SELECT transfer.id, reference_id FROM ledger_transfers AS transfer
        LEFT JOIN postings ON postings.id = reference_id
        WHERE transfer.kind = 'bill_booked' AND postings.provider_reference IS NULL
        """,
    ),
    Check(
        "Payment {id} of {amount_fen} has had {refunded_fen} given back.",
        "SELECT id, amount_fen, refunded_fen FROM payments WHERE refunded_fen > amount_fen",
    ),
)
