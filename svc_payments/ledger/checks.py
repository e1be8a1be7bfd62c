"""A check of the books: a query for violations, and a sentence for each row that it finds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A query for violations, and the sentence that describes each row."""

    sentence: str
    rows: str


# The amount of a transfer is what it debits: its entries sum to zero.
AMOUNTS = """
    SELECT transfer.id, transfer.kind, transfer.reference_id, transfer.created_at,
        (SELECT sum(amount_fen) FROM ledger_entries WHERE transfer_id = transfer.id AND amount_fen > 0) AS amount_fen
    FROM ledger_transfers AS transfer
"""
# Before there were clearing accounts, a capture credited the provider at once and a booking moved nothing.
CREDITED_AT_CAPTURE = """
    SELECT FROM ledger_transfers AS capture
    JOIN ledger_entries AS entry ON entry.transfer_id = capture.id
    JOIN ledger_accounts AS account ON account.id = entry.account_id
    WHERE capture.reference_id = {payment_id} AND capture.kind = 'payment_captured'
    AND account.kind = 'provider_payable'
"""
