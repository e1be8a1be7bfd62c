"""Compares what was sealed of payments and bookings with the rows of today."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kit.audit.proof import changed_columns
from svc_payments.ledger.sealed import FACTS, PLAINLY_AS_SEALED
from svc_payments.ledger.spans import Span, allow_whole_reads

_ROWS_AT_ONCE = 2_000
FACTS_AT_ONCE = 25_000
_KEYS = {
    "payments": ("id",),
    "payment_attempts": ("id",),
    "payment_lines": ("payment_id", "bill_id"),
    "receipts": ("payment_id",),
    "postings": ("id",),
}
_CHANGED = f"""
    SELECT transfer.id, transfer.kind, transfer.reference_id, fact.content::text AS was, live.content::text AS present
    FROM ledger_facts AS fact
    JOIN ledger_transfers AS transfer ON transfer.id = fact.transfer_id
    CROSS JOIN LATERAL (SELECT {FACTS} AS content) AS live
    WHERE fact.position BETWEEN :first AND :last
    AND CASE WHEN {PLAINLY_AS_SEALED} THEN false ELSE fact.content IS DISTINCT FROM live.content END
"""  # noqa: S608 - of our own texts
# Since the first link of the second format no money moves for a payment or a booking without its facts.
_MISSING = """
    SELECT transfer.id, transfer.kind, transfer.reference_id
    FROM ledger_transfers AS transfer
    JOIN ledger_entries AS entry ON entry.transfer_id = transfer.id
    LEFT JOIN ledger_facts AS fact ON fact.transfer_id = transfer.id
    LEFT JOIN payments AS payment ON payment.id = transfer.reference_id
    LEFT JOIN postings AS posting ON posting.id = transfer.reference_id
    WHERE fact.position IS NULL AND (
        transfer.kind IN ('payment_captured', 'payment_held') AND payment.id IS NOT NULL
        OR transfer.kind = 'bill_booked' AND posting.id IS NOT NULL
    )
    GROUP BY transfer.id
    HAVING min(entry.position) > (SELECT coalesce(max(last_position), 0) FROM ledger_links WHERE format = 1)
"""


async def changed_findings(tx: AsyncSession, positions: Span) -> AsyncIterator[str]:
    """Rows that differ from what was sealed with their transfer."""
    await allow_whole_reads(tx, allowed=False)
    values = {"first": positions.first, "last": positions.last}
    async for row in await tx.stream(text(_CHANGED), values, execution_options={"yield_per": _ROWS_AT_ONCE}):
        if row.present is None:
            table = "postings" if row.kind == "bill_booked" else "payments"
            yield f"{table} {row.reference_id}: sealed with transfer {row.id}, and no longer there; it was removed."
            continue
        was, present = json.loads(row.was), json.loads(row.present)
        for table in sorted(was.keys() | present.keys()):
            for sentence in _differences(table, _rows(table, was.get(table)), _rows(table, present.get(table))):
                yield sentence


async def missing_findings(tx: AsyncSession) -> AsyncIterator[str]:
    """Transfers whose facts were removed."""
    await allow_whole_reads(tx, allowed=True)
    async for row in await tx.stream(text(_MISSING)):
        yield f"ledger_facts of transfer {row.id}: removed; it was {row.kind} of {row.reference_id}."


def _rows(table: str, stated: list[dict[str, Any]] | dict[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """Rows of a table by their keys."""
    rows = stated if isinstance(stated, list) else [stated] if stated else []
    return {" ".join(str(row.get(name)) for name in _KEYS.get(table, ())): row for row in rows}


def _differences(
    table: str, was: Mapping[str, Mapping[str, Any]], present: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for key in sorted(was.keys() | present.keys()):
        before, after = was.get(key), present.get(key)
        if before is None:
            yield f"{table} {key}: not among what was sealed; it was inserted."
        elif after is None:
            yield f"{table} {key}: sealed, and no longer there; it was removed."
        elif columns := changed_columns(before, after):
            yield f"{table} {key}: {', '.join(columns)} changed since it was sealed."
