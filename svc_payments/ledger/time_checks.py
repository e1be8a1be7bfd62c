"""When something was booked, given up, released or completed: each follows from the ledger or from a sealed refund.

The service writes both in one transaction with the time at which it began, so that they are equal.
"""

from svc_payments.ledger.checks import AMOUNTS, CREDITED_AT_CAPTURE, Check

_BOOKINGS = """
    SELECT posting.payment_id, count(*) AS bookings, max(transfer.created_at) AS last_at
    FROM postings AS posting JOIN ledger_transfers AS transfer ON transfer.reference_id = posting.id
    WHERE transfer.kind = 'bill_booked' GROUP BY posting.payment_id
"""
_RETURNED = """
    SELECT refund.payment_id, refund.bill_id, transfer.created_at
    FROM refunds AS refund JOIN ledger_transfers AS transfer ON transfer.reference_id = refund.id
    WHERE transfer.kind = 'refund_paid'
"""
# Of transactions that wait for each other the last may have begun first; positions have the order of commit.
_WITH_LAST_BOOKING = """
    CASE bookings WHEN 1 THEN completed_at = last_at ELSE completed_at = (
        SELECT transfer.created_at FROM postings AS posting
        JOIN ledger_transfers AS transfer ON transfer.reference_id = posting.id AND transfer.kind = 'bill_booked'
        JOIN ledger_entries AS entry ON entry.transfer_id = transfer.id
        WHERE posting.payment_id = payment.id ORDER BY entry.position DESC LIMIT 1
    ) END
"""
# Completed by the end of a refund while all else was booked: the money went back, or the provider kept its booking.
_BY_REFUND = f"""
    EXISTS (
        SELECT FROM ({_RETURNED}) AS returned
        WHERE returned.payment_id = payment.id AND returned.created_at = completed_at
    ) OR EXISTS (
        SELECT FROM refunds AS refund
        JOIN audit_seals AS seal ON seal.table_name = 'refunds' AND seal.row_key = refund.id::text
        JOIN audit_links AS link ON link.batch = seal.batch
        WHERE refund.payment_id = payment.id AND link.sealed_at >= completed_at
        AND (seal.content ->> 'status' = 'booking_kept' OR seal.written_by = 'migration')
    )
"""  # noqa: S608 - nothing but texts of this module
# Each line is booked, and no refund was near: one that waited for the booking may have begun somewhat later.
_BEFORE_REFUNDS = """
    bookings = (SELECT count(*) FROM payment_lines WHERE payment_id = payment.id) AND NOT EXISTS (
        SELECT FROM refunds WHERE payment_id = payment.id AND second_transaction_id IS NULL
        AND created_at <= last_at + interval '1 hour'
    )
"""
# Of a posting that is booked, cancelled after a booking, or open; the others are sealed as they ended.
_SETTLED_AT = """
    CASE posting.status WHEN 'booked' THEN coalesce(booked.created_at, posting.settled_at)
        WHEN 'cancelling' THEN booked.created_at
        WHEN 'cancelled' THEN coalesce(reversed.created_at, posting.settled_at)
        WHEN 'refused' THEN posting.settled_at WHEN 'kept' THEN posting.settled_at END
"""
TIME_CHECKS = (
    Check(
        "postings {id}: {columns} is not as booked and reversed in the ledger; its status is {status}.",
        f"""
        SELECT * FROM (
            SELECT posting.id, posting.status, concat_ws(', ',
                CASE WHEN booked.id IS NOT NULL AND posting.status NOT IN ('booked', 'cancelling', 'cancelled')
                OR (reversed.id IS NOT NULL)
                    <> (posting.status = 'cancelled' AND posting.provider_reference IS NOT NULL) THEN 'status' END,
                CASE WHEN posting.settled_at IS DISTINCT FROM {_SETTLED_AT}
                OR posting.settled_at IS NULL AND posting.status IN ('booked', 'cancelled', 'refused', 'kept')
                THEN 'settled_at' END,
                CASE WHEN posting.provider_reference IS NOT NULL
                AND posting.status IN ('pending', 'sending', 'unknown', 'refused') THEN 'provider_reference' END
            ) AS columns
            FROM postings AS posting
            LEFT JOIN ledger_transfers AS booked ON booked.reference_id = posting.id AND booked.kind = 'bill_booked'
            LEFT JOIN ledger_transfers AS reversed
                ON reversed.reference_id = posting.id AND reversed.kind = 'booking_reversed'
        ) AS posting WHERE columns <> ''
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "postings {id}: given_up_at is {given_up_at}; its refund for want of an answer began at {started_at}.",
        """
        SELECT coalesce(posting.id::text, concat_ws(' ', 'of', refund.payment_id, refund.bill_id)) AS id,
            posting.given_up_at, refund.started_at
        FROM (SELECT * FROM postings WHERE given_up_at IS NOT NULL) AS posting
        FULL JOIN (SELECT * FROM refunds WHERE reason = 'posting_unanswered' AND retry_of IS NULL) AS refund
            ON refund.payment_id = posting.payment_id AND refund.bill_id = posting.bill_id
        WHERE posting.given_up_at IS DISTINCT FROM refund.started_at
        """,
    ),
    Check(
        "postings {id}: is {status} since {settled_at}; the refund of its refusal began at {started_at}.",
        """
        SELECT posting.id, posting.status, posting.settled_at, refund.started_at
        FROM refunds AS refund
        JOIN postings AS posting ON posting.payment_id = refund.payment_id AND posting.bill_id = refund.bill_id
        WHERE refund.reason = 'posting_refused' AND refund.retry_of IS NULL
        AND (posting.status <> 'refused' OR posting.settled_at IS DISTINCT FROM refund.started_at)
        """,
    ),
    Check(
        "payment_lines {payment_id} {bill_id}: released_at is {released_at}, which does not follow from its payment.",
        f"""
        SELECT line.payment_id, line.bill_id, line.released_at
        FROM payment_lines AS line JOIN payments AS payment ON payment.id = line.payment_id
        LEFT JOIN (
            SELECT returned.* FROM ({_RETURNED} AND refund.source = 'clearing') AS returned
        ) AS returned ON returned.payment_id = line.payment_id AND returned.bill_id = line.bill_id
        WHERE CASE WHEN payment.captured_at IS NULL OR payment.held
            THEN (line.released_at IS NULL) <> (payment.status IN ('created', 'pending', 'unknown'))
            WHEN line.partial AND line.released_at = payment.captured_at THEN false
            ELSE line.released_at IS DISTINCT FROM returned.created_at
        END
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "payments {id}: completed_at is {completed_at}; it is {status}, and its last booking was at {last_at}.",
        f"""
        SELECT payment.id, payment.completed_at, payment.status, last_at
        FROM payments AS payment LEFT JOIN ({_BOOKINGS}) AS booked ON booked.payment_id = payment.id
        WHERE CASE WHEN completed_at IS NULL THEN payment.status = 'completed'
                OR payment.status IN ('reversing', 'refunded') AND {_BEFORE_REFUNDS}
            WHEN captured_at IS NULL OR held OR payment.status IN ('captured', 'posting') THEN true
            WHEN {_WITH_LAST_BOOKING} OR {_BY_REFUND} THEN false
            ELSE NOT EXISTS ({CREDITED_AT_CAPTURE.format(payment_id="payment.id")} AND last_at IS NULL)
        END
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "Account {id} ({kind} of {holder}): created_at is {created_at}; its first transfer was at {first_at}.",
        """
        SELECT account.id, account.kind, account.holder, account.created_at, earliest.created_at AS first_at
        FROM ledger_accounts AS account CROSS JOIN LATERAL (
            SELECT transfer.created_at FROM ledger_entries AS entry
            JOIN ledger_transfers AS transfer ON transfer.id = entry.transfer_id
            WHERE entry.account_id = account.id ORDER BY entry.position LIMIT 1
        ) AS earliest
        WHERE earliest.created_at <> account.created_at
        """,
    ),
    Check(
        "statements {id}: settled_at is {settled_at}; {kind} of {amount_fen} should be in the ledger then, and "
        "{moved_fen} is, at {created_at}.",
        f"""
        SELECT coalesce(statement.id, moved.reference_id) AS id, statement.settled_at, statement.amount_fen,
            coalesce(statement.kind, moved.kind) AS kind, moved.amount_fen AS moved_fen, moved.created_at
        FROM (
            SELECT id, settled_at, due.* FROM statements CROSS JOIN LATERAL (VALUES
                ('channel_fee', abs(fee_fen)), ('channel_settled', abs(in_fen - out_fen - fee_fen))
            ) AS due (kind, amount_fen)
            WHERE settled_at IS NOT NULL AND due.amount_fen <> 0
        ) AS statement
        FULL JOIN ({AMOUNTS} WHERE transfer.kind IN ('channel_fee', 'channel_settled')) AS moved
            ON moved.reference_id = statement.id AND moved.kind = statement.kind
        WHERE (statement.amount_fen, statement.settled_at) IS DISTINCT FROM (moved.amount_fen, moved.created_at)
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "mandate_debits {id}: is {status} of {amount_fen} by payment {payment_id}, which does not say so.",
        """
        SELECT debit.id, debit.status, debit.amount_fen, debit.payment_id
        FROM mandate_debits AS debit JOIN mandates AS mandate ON mandate.id = debit.mandate_id
        LEFT JOIN payments AS payment ON payment.id = debit.payment_id
        LEFT JOIN payment_lines AS line ON line.payment_id = debit.payment_id AND line.bill_id = debit.bill_id
        WHERE debit.status IN ('ordered', 'paid') AND (
            (debit.amount_fen, mandate.person_id, mandate.provider_id, mandate.channel) IS DISTINCT FROM
                (line.amount_fen, payment.person_id, payment.provider_id, payment.channel)
            OR debit.status = 'paid' AND payment.captured_at IS NULL
        )
        """,
    ),
)
