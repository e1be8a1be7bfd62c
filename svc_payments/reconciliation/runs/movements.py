"""The ledger's side, as SQL: the movements that a channel's or a provider's statement should have.

Each query gives `movement, number, transaction_id, amount_fen, at, reference_id` of what moved money on one account
(`:account_id`), the amount as the statement has it.
"""

from svc_payments.reconciliation.statements.models import Source

_MOVED = """
    JOIN ledger_transfers AS transfer ON transfer.reference_id = {reference} AND transfer.kind IN ({kinds})
    JOIN ledger_entries AS entry ON entry.transfer_id = transfer.id AND entry.account_id = :account_id
"""
_PAYMENTS = f"""
    SELECT 'payment' AS movement, attempt.order_number AS number, attempt.transaction_id, entry.amount_fen,
        attempt.paid_at AS at, attempt.payment_id AS reference_id
    FROM payment_attempts AS attempt
    {_MOVED.format(reference="attempt.payment_id", kinds="'payment_captured', 'payment_held'")}
    WHERE attempt.channel = :holder
"""  # noqa: S608 - our own names
# Money that a channel took for an order that was paid already.
_SECOND_PAYMENTS = f"""
    SELECT 'payment', attempt.order_number, second.transaction_id, entry.amount_fen, second.paid_at, second.payment_id
    FROM second_transactions AS second JOIN payment_attempts AS attempt USING (payment_id)
    {_MOVED.format(reference="second.id", kinds="'excess_recorded'")}
    WHERE second.channel = :holder
"""  # noqa: S608 - our own names
_REFUNDS = f"""
    SELECT 'refund', refund.number, '', entry.amount_fen, refund.refunded_at, refund.id
    FROM refunds AS refund
    {_MOVED.format(reference="refund.id", kinds="'refund_paid'")}
    WHERE refund.way = 'channel'
"""  # noqa: S608 - our own names
# When the ledger booked it: the posting's own time may be that of its reversal.
_BOOKINGS = f"""
    SELECT 'posting' AS movement, CAST(posting.id AS text) AS number, '' AS transaction_id,
        -entry.amount_fen AS amount_fen, transfer.created_at AS at, posting.id AS reference_id
    FROM postings AS posting
    {_MOVED.format(reference="posting.id", kinds="'bill_booked'")}
    WHERE posting.provider_id = CAST(:holder AS uuid)
"""  # noqa: S608 - our own names
_OF_CHANNELS = (
    (_PAYMENTS, "attempt.paid_at", "attempt.order_number"),
    (_SECOND_PAYMENTS, "second.paid_at", "attempt.order_number"),
    (_REFUNDS, "refund.refunded_at", "refund.number"),
)

# What is known of a movement without a ledger entry: its reference and its state.
_KNOWN_PAYMENTS = """
    SELECT attempt.order_number AS number, attempt.payment_id AS reference_id, NULL AS state
    FROM payment_attempts AS attempt WHERE attempt.channel = :holder AND {attempts}
    UNION ALL
    SELECT refund.number, refund.id,
        CASE WHEN refund.status IN ('failed', 'retried', 'rejected') THEN 'failed' ELSE 'open' END
    FROM refunds AS refund WHERE {refunds}
"""
_KNOWN_POSTINGS = """
    SELECT CAST(posting.id AS text) AS number, posting.id AS reference_id,
        CASE WHEN posting.status IN ('pending', 'sending', 'unknown') THEN 'open' ELSE 'failed' END AS state
    FROM postings AS posting WHERE posting.provider_id = CAST(:holder AS uuid) AND {postings}
"""

_OF_DAY = "{at} >= :begins AND {at} < :ends"
_LOOKED_FOR = "{number} IN (SELECT number FROM found WHERE ledger_fen IS NULL)"
_POSTINGS_LOOKED_FOR = """
    posting.id IN (
        SELECT CAST(number AS uuid) FROM found
        WHERE ledger_fen IS NULL AND number ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    )
"""


def of_day(source: Source) -> str:
    """The movements of a day, from `:begins` to `:ends`."""
    if source == Source.PROVIDER:
        return f"{_BOOKINGS} AND {_OF_DAY.format(at='transfer.created_at')}"
    return " UNION ALL ".join(f"{query} AND {_OF_DAY.format(at=at)}" for query, at, _ in _OF_CHANNELS)


def looked_for(source: Source) -> str:
    """The movements with numbers that only the statement has."""
    if source == Source.PROVIDER:
        return f"{_BOOKINGS} AND {_POSTINGS_LOOKED_FOR}"
    return " UNION ALL ".join(f"{query} AND {_LOOKED_FOR.format(number=number)}" for query, _, number in _OF_CHANNELS)


def known(source: Source) -> str:
    """`number, reference_id, state` of all that has such a number, whether or not money moved."""
    if source == Source.PROVIDER:
        return _KNOWN_POSTINGS.format(postings=_POSTINGS_LOOKED_FOR)
    return _KNOWN_PAYMENTS.format(
        attempts=_LOOKED_FOR.format(number="attempt.order_number"), refunds=_LOOKED_FOR.format(number="refund.number")
    )
