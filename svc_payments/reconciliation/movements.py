"""The ledger's side: which of its movements a channel's or a provider's statement should have, as SQL.

Each query gives `movement, number, transaction_id, amount_fen, at, reference_id` of what moved money on one account
(`:account_id`), the amount as the statement has it. `{within}` stands for what bounds them: a day, or the numbers that
are looked for.
"""

from svc_payments.statements.models import Source

_PAYMENTS = """
    SELECT 'payment' AS movement, attempt.order_number AS number, attempt.transaction_id, entry.amount_fen,
        attempt.paid_at AS at, attempt.payment_id AS reference_id
    FROM payment_attempts AS attempt
    JOIN ledger_transfers AS transfer
        ON transfer.reference_id = attempt.payment_id AND transfer.kind IN ('payment_captured', 'payment_held')
    JOIN ledger_entries AS entry ON entry.transfer_id = transfer.id AND entry.account_id = :account_id
    WHERE attempt.channel = :holder AND {within}
"""
_BOOKINGS = """
    SELECT 'posting' AS movement, CAST(posting.id AS text) AS number, '' AS transaction_id,
        -entry.amount_fen AS amount_fen, posting.settled_at AS at, posting.id AS reference_id
    FROM postings AS posting
    JOIN ledger_transfers AS transfer ON transfer.reference_id = posting.id AND transfer.kind = 'bill_booked'
    JOIN ledger_entries AS entry ON entry.transfer_id = transfer.id AND entry.account_id = :account_id
    WHERE posting.provider_id = CAST(:holder AS uuid) AND {within}
"""

# What we know of a movement that has no money in the ledger: whose it is, and how far it came.
_KNOWN_PAYMENTS = """
    SELECT attempt.order_number AS number, attempt.payment_id AS reference_id, NULL AS state
    FROM payment_attempts AS attempt WHERE attempt.channel = :holder AND {within}
"""
_KNOWN_POSTINGS = """
    SELECT CAST(posting.id AS text) AS number, posting.id AS reference_id,
        CASE WHEN posting.status IN ('pending', 'sending', 'unknown') THEN 'open' ELSE 'failed' END AS state
    FROM postings AS posting WHERE posting.provider_id = CAST(:holder AS uuid) AND {within}
"""

_OF_DAY = "{at} >= :begins AND {at} < :ends"
_LOOKED_FOR = "{number} IN (SELECT {as_number} FROM found WHERE ledger_fen IS NULL AND {is_number})"
_ANY = {"as_number": "number", "is_number": "TRUE"}
_UUID = {
    "as_number": "CAST(number AS uuid)",
    "is_number": "number ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'",
}


def of_day(source: Source) -> str:
    """The movements of a day, from `:begins` to `:ends`."""
    if source == Source.PROVIDER:
        return _BOOKINGS.format(within=_OF_DAY.format(at="posting.settled_at"))
    return _PAYMENTS.format(within=_OF_DAY.format(at="attempt.paid_at"))


def looked_for(source: Source) -> str:
    """The movements whose numbers are among those that the statement alone has."""
    if source == Source.PROVIDER:
        return _BOOKINGS.format(within=_LOOKED_FOR.format(number="posting.id", **_UUID))
    return _PAYMENTS.format(within=_LOOKED_FOR.format(number="attempt.order_number", **_ANY))


def known(source: Source) -> str:
    """`number, reference_id, state` of all that has such a number, whether or not money moved."""
    if source == Source.PROVIDER:
        return _KNOWN_POSTINGS.format(within=_LOOKED_FOR.format(number="posting.id", **_UUID))
    return _KNOWN_PAYMENTS.format(within=_LOOKED_FOR.format(number="attempt.order_number", **_ANY))
