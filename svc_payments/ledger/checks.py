"""A check of the books: a query for violations, and a sentence for each row that it finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A query for violations, and the sentence that describes each row."""

    sentence: str
    rows: str


# The amount of a transfer is what it debits: its entries sum to zero.
AMOUNTS = """
    SELECT transfer.id, transfer.kind, transfer.reference_id,
        (SELECT sum(amount_fen) FROM ledger_entries WHERE transfer_id = transfer.id AND amount_fen > 0) AS amount_fen
    FROM ledger_transfers AS transfer
"""
