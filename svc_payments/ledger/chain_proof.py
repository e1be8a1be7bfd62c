"""The proof of the chain, span by span: a link states the hash before it, so that spans can be proven side by side."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from svc_payments.ledger.anchors import Head, Totals
from svc_payments.ledger.chain import GENESIS, LinkHash, SealedLink
from svc_payments.ledger.lines import copy_entries, copy_facts
from svc_payments.ledger.spans import HIGHEST, LOWEST, Span, allow_whole_reads

ROLE = "myili_payments"
"""The database role as which the service writes."""
LINKS_AT_ONCE = 20_000
_FIELDS = "number, previous_hash, hash, first_position, last_position, sealed_at, format, written_by"
_BEFORE = f"SELECT {_FIELDS} FROM ledger_links WHERE number < :first ORDER BY number DESC LIMIT 1"  # noqa: S608 - above
_LINKS = f"SELECT {_FIELDS} FROM ledger_links WHERE number BETWEEN :first AND :last ORDER BY number"  # noqa: S608
_LAST = f"SELECT {_FIELDS} FROM ledger_links ORDER BY number DESC LIMIT 1"  # noqa: S608 - above
_OF_NUMBERS = f"SELECT {_FIELDS} FROM ledger_links WHERE number = ANY(:numbers) ORDER BY number"  # noqa: S608 - above
_STRAY_ENTRIES = """
    SELECT position, transfer_id FROM ledger_entries WHERE position BETWEEN :first AND :last ORDER BY position
"""
_STRAY_FACTS = "SELECT position, transfer_id FROM ledger_facts WHERE position >= :first ORDER BY position"
_MOVED = """
    SELECT
        width_bucket(greatest(entry.position, -9223372036854775807) - 1, CAST(:positions AS bigint[])) AS heads_before,
        coalesce(account.kind, 'unknown') AS kind, sum(greatest(amount_fen, 0)) AS debit_fen,
        sum(greatest(-amount_fen, 0)) AS credit_fen
    FROM ledger_entries AS entry LEFT JOIN ledger_accounts AS account ON account.id = entry.account_id
    GROUP BY 1, 2
"""


async def span_findings(tx: AsyncSession, span: Span) -> AsyncIterator[str]:
    """Recompute the links of a span from their entries and facts."""
    await allow_whole_reads(tx, allowed=False)
    before = await _link(tx, _BEFORE, first=span.first)
    found = await tx.execute(text(_LINKS), {"first": span.first, "last": span.last})
    links = [SealedLink(*row) for row in found]
    for link, previous in zip(links, [before, *links], strict=False):
        for finding in _order_findings(link, previous):
            yield finding
    walk = _Walk(_past(before), links)
    await walk.read(tx)
    for gap in walk.gaps:
        async for finding in _stray_entries(tx, gap):
            yield finding
    for link in walk.changed():
        yield (
            f"Link {link.number} does not hold what was sealed: among the entries {link.first_position} to "
            f"{link.last_position}, their transfers, accounts and facts something was changed, removed or added."
        )


def _order_findings(link: SealedLink, previous: SealedLink | None) -> Iterator[str]:
    expected, link_hash = (previous.number + 1, previous.hash) if previous else (1, GENESIS)
    if link.number != expected:
        yield f"Links {expected} to {link.number - 1} of the chain are missing."
    if link.previous_hash != link_hash:
        yield f"Link {link.number} does not follow from the link before it."
    if previous and link.sealed_at < previous.sealed_at:
        yield f"Link {link.number} was sealed before the link before it."
    if link.written_by not in {None, ROLE}:
        yield f"Link {link.number} was written by the database role {link.written_by}, not by the service."


class _Walk:
    """A walk along the entries and facts of some links, which follow each other."""

    def __init__(self, first: int, links: Sequence[SealedLink]) -> None:
        """Stand at the first position that may be theirs."""
        self._begin, self._links = first, links
        self._hashes = [LinkHash(link) for link in links]
        self._first: list[int | None] = [None] * len(links)
        self._last: list[int | None] = [None] * len(links)
        self._strays: set[int] = set()
        self._place = 0

    async def read(self, tx: AsyncSession) -> None:
        """Read what these links hold."""
        if self._links:
            positions = Span(self._begin, max(link.last_position for link in self._links))
            await copy_entries(tx, positions, self._add_entry)
            self._place = 0
            await copy_facts(tx, positions, self._add_fact)

    @property
    def gaps(self) -> Iterator[Span]:
        """Where entries are in no link."""
        begin = self._begin
        for place, link in enumerate(self._links):
            if place in self._strays:
                yield Span(begin, link.first_position - 1)
            begin = max(begin, _past(link))

    def changed(self) -> Iterator[SealedLink]:
        """The links that hold something else than was sealed."""
        for link, computed, first, last in zip(self._links, self._hashes, self._first, self._last, strict=True):
            if computed.digest() != link.hash or (first, last) != (link.first_position, link.last_position):
                yield link

    def _add_entry(self, position: int, line: bytes) -> None:
        place = self._place_of(position)
        if position < self._links[place].first_position:
            self._strays.add(place)
            return
        self._hashes[place].add_entry(line)
        self._first[place] = self._first[place] or position
        self._last[place] = position

    def _add_fact(self, position: int, line: bytes) -> None:
        self._hashes[self._place_of(position)].add_fact(line)

    def _place_of(self, position: int) -> int:
        while position > self._links[self._place].last_position:
            self._place += 1
        return self._place


async def unlinked_findings(tx: AsyncSession) -> AsyncIterator[str]:
    """What is after the last link."""
    first = _past(await _link(tx, _LAST))
    if first > HIGHEST:
        return
    async for finding in _stray_entries(tx, Span(first, HIGHEST)):
        yield finding
    async for row in await tx.stream(text(_STRAY_FACTS), {"first": first}):
        yield f"ledger_facts {row.position}: of transfer {row.transfer_id}, in no link of the chain."


async def _stray_entries(tx: AsyncSession, positions: Span) -> AsyncIterator[str]:
    values = {"first": positions.first, "last": positions.last}
    async for row in await tx.stream(text(_STRAY_ENTRIES), values):
        yield f"Entry {row.position} of transfer {row.transfer_id} is in no link of the chain."


def _past(link: SealedLink | None) -> int:
    """The first position after a link; the lowest there is without one."""
    return link.last_position + 1 if link else LOWEST


async def anchored_findings(tx: AsyncSession, anchors: Mapping[int, Head]) -> AsyncIterator[str]:
    """Where anchors say otherwise than the chain."""
    await allow_whole_reads(tx, allowed=True)
    found = await tx.execute(text(_OF_NUMBERS), {"numbers": sorted(anchors)})
    links = [SealedLink(*row) for row in found]
    moved = await _moved_up_to(tx, sorted({link.last_position for link in links}))
    for link in links:
        if fault := _difference(link, anchors[link.number], moved[link.last_position]):
            yield f"Link {link.number} was anchored with another {fault}: the chain was written anew since."
    last = await _link(tx, _LAST)
    end = last.number if last else 0
    for number in sorted(number for number in anchors if number > end):
        yield f"Link {number} is anchored, but the chain ends with link {end}: its tail was cut off."


def _difference(link: SealedLink, anchored: Head, moved: Mapping[str, Totals]) -> str | None:
    """What an anchor says otherwise than the chain up to there."""
    if anchored.hash != link.hash.hex():
        return "hash"
    if anchored.sealed_at != link.sealed_at.isoformat():
        return "time"
    if anchored.last_position != link.last_position:
        return "last entry"
    stated = {kind: totals for kind, totals in anchored.totals.items() if totals != Totals(0, 0)}
    return "sum of its accounts" if stated != moved else None


async def _moved_up_to(tx: AsyncSession, positions: Sequence[int]) -> Mapping[int, Mapping[str, Totals]]:
    """What all entries up to each position come to, by the kind of account."""
    if not positions:
        return {}
    steps: defaultdict[int, list[Any]] = defaultdict(list)
    for row in await tx.execute(text(_MOVED), {"positions": list(positions)}):
        steps[row.heads_before].append(row)
    sums: dict[str, Totals] = {}
    moved = {}
    for place, position in enumerate(positions):
        for row in steps[place]:
            before = sums.get(row.kind, Totals(0, 0))
            sums[row.kind] = Totals(before.debit_fen + int(row.debit_fen), before.credit_fen + int(row.credit_fen))
        moved[position] = dict(sums)
    return moved


async def _link(tx: AsyncSession, query: str, **values: int) -> SealedLink | None:
    row = (await tx.execute(text(query), values)).one_or_none()
    return SealedLink(*row) if row else None
