"""A proof in parts, worked on side by side by several connections that read one snapshot of the database."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database

READERS = 4
"""Connections that read side by side; PostgreSQL does most of the work, with a processor for each if it has them."""
_FINDINGS_AHEAD = 1_000
"""Findings that a part may be ahead of the parts before it, so that memory stays bounded."""
_SETTINGS = (
    # Rows are printed as the triggers that seal them do.
    "timezone TO 'UTC'",
    "bytea_output TO 'hex'",
    # An owner who puts functions or operators of their own before PostgreSQL's does not reach the proof.
    "search_path TO pg_catalog, public",
    # For each hash or sort of a query.
    "work_mem TO '64MB'",
    "jit TO off",
)
Progress = Callable[[str, int, int], None]
"""Receives from time to time: the kind of part, how many parts are done, of how many."""


@dataclass(frozen=True)
class Part:
    """Something that can be proven without the other parts."""

    kind: str
    findings: Callable[[AsyncSession], AsyncIterator[str]]
    """What is wrong, as sentences, read in one snapshot."""


async def prepare(tx: AsyncSession) -> None:
    """Set up a transaction for reading parts."""
    for setting in _SETTINGS:
        await tx.execute(text(f"SET LOCAL {setting}"))


@asynccontextmanager
async def shared_snapshot(database: Database) -> AsyncIterator[Sequence[AsyncSession]]:
    """Transactions that read the same moment."""
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(database.read()) for _ in range(READERS)]
        snapshot = await readers[0].scalar(text("SELECT pg_export_snapshot()"))
        for reader in readers[1:]:
            await reader.execute(text(f"SET TRANSACTION SNAPSHOT '{snapshot}'"))
        for reader in readers:
            await prepare(reader)
        yield readers


async def findings_in_turn(tx: AsyncSession, parts: Sequence[Part]) -> AsyncIterator[str]:
    """The findings of all parts, read in one transaction."""
    await prepare(tx)
    for part in parts:
        async for finding in part.findings(tx):
            yield finding


async def _report(
    parts: Sequence[Part],
    found: Sequence[asyncio.Queue[str | None]],
    say: Callable[[str], None],
    progress: Progress,
) -> int:
    count = 0
    for place, (part, queue) in enumerate(zip(parts, found, strict=True), start=1):
        while (finding := await queue.get()) is not None:
            say(finding)
            count += 1
        progress(part.kind, place, len(parts))
    return count


async def prove_side_by_side(
    readers: Sequence[AsyncSession], parts: Sequence[Part], say: Callable[[str], None], progress: Progress
) -> int:
    """Report the findings of all parts, in their order.

    A part that fails hides no findings of the others: its error is raised after them.

    Returns how many findings there are.

    Args:
        readers: of a shared snapshot; each works on one part at a time.
        parts: what is proven.
        say: receives each finding.
        progress: receives how many parts are done.
    """
    found: list[asyncio.Queue[str | None]] = [asyncio.Queue(_FINDINGS_AHEAD) for _ in parts]
    waiting = iter(zip(parts, found, strict=True))
    failures: list[Exception] = []

    async def read(tx: AsyncSession) -> None:
        # Parts are begun in their order: the first that is not done is never behind one that waits for its turn.
        for part, queue in waiting:
            try:
                async with tx.begin_nested():
                    async for finding in part.findings(tx):
                        await queue.put(finding)
            except Exception as failure:  # noqa: BLE001 - raised when the findings of all others are reported
                failures.append(failure)
            await queue.put(None)

    async with asyncio.TaskGroup() as group:
        reported = group.create_task(_report(parts, found, say, progress))
        for tx in readers:
            group.create_task(read(tx))
    if failures:
        raise failures[0]
    return reported.result()
