"""Invariants of the payments database, each checked over all rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

UNSETTLED = "status NOT IN ('completed', 'refunded', 'failed', 'expired')"
_EVENTS = "(SELECT key, convert_from(payload, 'UTF8')::json ->> 'type' AS type FROM outbox) AS events"

# Invariant -> a query for the rows that break it.
BREACHES: Mapping[str, str] = {
    "at most one settled payment of a bill": """
        SELECT bill_id FROM payment_lines JOIN payments ON payments.id = payment_id
        WHERE captured_at IS NOT NULL AND NOT held AND payment_lines.refunded_fen < payment_lines.amount_fen
        GROUP BY bill_id HAVING count(*) > 1
    """,
    # A partial refund that the provider bears leaves the bill paid; a refund from clearing does not.
    "a bill is paid with what was captured for it": """
        SELECT bills.id FROM bills LEFT JOIN (
            SELECT line.bill_id, sum(line.amount_fen) AS fen FROM payment_lines AS line
            JOIN payments ON payments.id = line.payment_id
            WHERE captured_at IS NOT NULL AND NOT held AND NOT EXISTS (
                SELECT FROM refunds WHERE refunds.payment_id = line.payment_id AND refunds.bill_id = line.bill_id
                AND refunds.source = 'clearing' AND refunds.status = 'refunded'
            )
            GROUP BY line.bill_id
        ) AS paid ON bill_id = bills.id
        WHERE paid_fen <> coalesce(fen, 0)
    """,
    "entries sum to zero": "SELECT 1 FROM ledger_entries HAVING sum(amount_fen) <> 0",
    "a transfer has its legs, which sum to zero": """
        SELECT ledger_transfers.id FROM ledger_transfers LEFT JOIN ledger_entries ON transfer_id = ledger_transfers.id
        GROUP BY ledger_transfers.id HAVING count(*) < 2 OR sum(amount_fen) <> 0
    """,
    "a balance is what its entries make it": """
        SELECT ledger_accounts.id FROM ledger_accounts LEFT JOIN ledger_entries ON account_id = ledger_accounts.id
        GROUP BY ledger_accounts.id HAVING debit_fen - credit_fen <> coalesce(sum(amount_fen), 0)
    """,
    "a captured payment is in the ledger, once, with its amount": """
        SELECT payments.id FROM payments
        LEFT JOIN ledger_transfers ON reference_id = payments.id AND kind IN ('payment_captured', 'payment_held')
        LEFT JOIN ledger_entries ON transfer_id = ledger_transfers.id AND ledger_entries.amount_fen > 0
        GROUP BY payments.id
        HAVING coalesce(sum(ledger_entries.amount_fen), 0)
            <> CASE WHEN captured_at IS NULL THEN 0 ELSE payments.amount_fen END
    """,
    "a booked posting is in the ledger, once": """
        SELECT postings.id FROM postings
        LEFT JOIN ledger_transfers AS moved
            ON moved.reference_id = postings.id AND moved.kind IN ('bill_booked', 'booking_reversed')
        GROUP BY postings.id
        HAVING count(*) FILTER (WHERE moved.kind = 'bill_booked')
            - count(*) FILTER (WHERE moved.kind = 'booking_reversed')
            <> (status = 'booked' OR (status = 'cancelling' AND provider_reference IS NOT NULL))::int
    """,
    "no more is refunded than was paid": """
        SELECT payments.id FROM payments LEFT JOIN refunds
            ON refunds.payment_id = payments.id AND refunds.status = 'refunded' AND second_transaction_id IS NULL
        GROUP BY payments.id
        HAVING coalesce(sum(refunds.amount_fen), 0) > payments.amount_fen
            OR coalesce(sum(refunds.amount_fen), 0) <> payments.refunded_fen
    """,
    "a paid refund is in the ledger, once": """
        SELECT refunds.id FROM refunds
        LEFT JOIN ledger_transfers AS moved ON moved.reference_id = refunds.id AND moved.kind = 'refund_paid'
        GROUP BY refunds.id HAVING count(moved.id) <> (refunds.status = 'refunded')::int
    """,
    "no payment is under way for ever": f"""
        SELECT id, status FROM payments WHERE {UNSETTLED}
    """,  # noqa: S608 - the words above
    "each step of a payment and of a refund has at most one event": f"""
        SELECT key, type FROM {_EVENTS}
        WHERE type ~ 'payment\\.(created|captured|expired|refunded)\\.v1$'
            OR type ~ 'refund\\.(started|refunded|failed|rejected)\\.v1$'
        GROUP BY key, type HAVING count(*) > 1
    """,  # noqa: S608 - the words above
    "a payment is completed again only after a partial reversal": f"""
        SELECT key FROM {_EVENTS} WHERE type ~ 'payment\\.(completed|reversing)\\.v1$' GROUP BY key
        HAVING count(*) FILTER (WHERE type LIKE '%.completed.v1')
            > 1 + count(*) FILTER (WHERE type LIKE '%.reversing.v1')
    """,  # noqa: S608 - the words above
    "every paid refund has an event": f"""
        SELECT id FROM refunds WHERE status = 'refunded' AND NOT EXISTS (
            SELECT FROM {_EVENTS} WHERE key = refunds.id::text AND type LIKE '%.refund.refunded.v1'
        )
    """,  # noqa: S608 - the words above
    "every captured payment has an event": f"""
        SELECT id FROM payments WHERE captured_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM {_EVENTS} WHERE key = payments.id::text AND type LIKE '%.payment.captured.v1'
        )
    """,  # noqa: S608 - the words above
}


async def breaches(tx: AsyncSession) -> dict[str, list[Any]]:
    """The invariants that do not hold, with the rows that break them."""
    found = {rule: [tuple(row) for row in await tx.execute(text(query))] for rule, query in BREACHES.items()}
    return {rule: rows for rule, rows in found.items() if rows}


async def booking_differences(tx: AsyncSession, booked: Sequence[str]) -> set[str]:
    """Postings on which the provider's books and ours differ, or that it booked more than once."""
    theirs = Counter(booked)
    ours = Counter(await tx.scalars(text("SELECT id::text FROM postings WHERE status = 'booked'")))
    return set((theirs - ours) + (ours - theirs))
