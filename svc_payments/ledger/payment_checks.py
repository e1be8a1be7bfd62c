"""What of payments, postings and refunds follows from other rows."""

from svc_payments.ledger.checks import AMOUNTS, Check

_CAPTURED = "('captured', 'posting', 'completed', 'reversing', 'refunded')"
_RESERVED = "('unbooking', 'started', 'refunding', 'unknown', 'abnormal', 'at_counter', 'by_transfer', 'failed')"
_STARTED = (
    "('started', 'refunding', 'unknown', 'abnormal', 'at_counter', 'by_transfer', 'refunded', 'failed', 'retried')"
)
# As svc_payments/collection/payments/payment_state.py has it.
_OPEN = """
    SELECT FROM postings AS posting WHERE posting.payment_id = payment.id AND (
        posting.status IN ('pending', 'sending', 'unknown')
        OR posting.status = 'cancelling' AND posting.given_up_at IS NULL
    )
"""


def _refunded(by: str) -> str:
    """What refunds come to, by payment or by its lines; a second transaction is no part of what was paid."""
    return f"""
        SELECT {by}, coalesce(sum(amount_fen) FILTER (WHERE status = 'refunded'), 0) AS refunded_fen,
            coalesce(sum(amount_fen) FILTER (WHERE status IN {_RESERVED}), 0) AS refunding_fen
        FROM refunds WHERE second_transaction_id IS NULL GROUP BY {by}
    """  # noqa: S608 - nothing but texts of this module


_REFUND_TRANSFERS = f"""
    SELECT refund.id, step.kind, refund.amount_fen FROM refunds AS refund
    CROSS JOIN LATERAL (VALUES
        ('refund_started', refund.status IN {_STARTED}), ('refund_paid', refund.status = 'refunded'),
        ('refund_failed', refund.status IN ('failed', 'retried'))
    ) AS step (kind, due)
    WHERE step.due
"""  # noqa: S608 - nothing but texts of this module
PAYMENT_CHECKS = (
    Check(
        "payments {id}: status is {status}, which disagrees with captured_at.",
        f"SELECT id, status FROM payments WHERE (status IN {_CAPTURED}) <> (captured_at IS NOT NULL)",  # noqa: S608
    ),
    Check(
        "payments {id}: status is {status}, which does not follow from its postings and refunds.",
        f"""
        SELECT id, status FROM payments AS payment
        WHERE captured_at IS NOT NULL AND status NOT IN ('captured', 'posting', 'completed', 'reversing', 'refunded')
        OR captured_at IS NOT NULL AND CASE
            WHEN refunding_fen > 0 THEN status <> 'reversing'
            WHEN refunded_fen = amount_fen THEN status <> 'refunded'
            ELSE CASE WHEN EXISTS ({_OPEN}) THEN status NOT IN ('captured', 'posting') ELSE status <> 'completed' END
        END
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "payments {id}: amount_fen is {amount_fen}; its lines come to {lines_fen}.",
        """
        SELECT id, amount_fen, coalesce(lines_fen, 0) AS lines_fen FROM payments
        LEFT JOIN (SELECT payment_id, sum(amount_fen) AS lines_fen FROM payment_lines GROUP BY payment_id) AS paid
            ON payment_id = id
        WHERE amount_fen IS DISTINCT FROM lines_fen
        """,
    ),
    Check(
        "payments {id}: provider_id is {provider_id}; its bill {bill_id} is of {billed_by}.",
        """
        SELECT payment.id, payment.provider_id, bill.id AS bill_id, bill.provider_id AS billed_by
        FROM payments AS payment JOIN payment_lines AS line ON line.payment_id = payment.id
        LEFT JOIN bills AS bill ON bill.id = line.bill_id
        WHERE payment.provider_id IS DISTINCT FROM bill.provider_id
        """,
    ),
    Check(
        "payments {id}: refunded_fen and refunding_fen are {refunded_fen} and {refunding_fen}; its refunds come to "
        "{as_refunded_fen} and {as_refunding_fen}.",
        f"""
        SELECT id, payment.refunded_fen, payment.refunding_fen, coalesce(refund.refunded_fen, 0) AS as_refunded_fen,
            coalesce(refund.refunding_fen, 0) AS as_refunding_fen
        FROM payments AS payment LEFT JOIN ({_refunded("payment_id")}) AS refund ON payment_id = id
        WHERE (payment.refunded_fen, payment.refunding_fen)
            <> (coalesce(refund.refunded_fen, 0), coalesce(refund.refunding_fen, 0))
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "payment_lines {payment_id} {bill_id}: refunded_fen and refunding_fen are {refunded_fen} and {refunding_fen}; "
        "its refunds come to {as_refunded_fen} and {as_refunding_fen}.",
        f"""
        SELECT payment_id, bill_id, line.refunded_fen, line.refunding_fen,
            coalesce(refund.refunded_fen, 0) AS as_refunded_fen, coalesce(refund.refunding_fen, 0) AS as_refunding_fen
        FROM payment_lines AS line
        LEFT JOIN ({_refunded("payment_id, bill_id")}) AS refund USING (payment_id, bill_id)
        WHERE (line.refunded_fen, line.refunding_fen)
            <> (coalesce(refund.refunded_fen, 0), coalesce(refund.refunding_fen, 0))
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "receipts {id}: there is one, or none, where its payment says otherwise.",
        """
        SELECT coalesce(payment.id, receipt.payment_id) AS id
        FROM (SELECT id FROM payments WHERE captured_at IS NOT NULL AND NOT held) AS payment
        FULL JOIN receipts AS receipt ON receipt.payment_id = payment.id
        WHERE payment.id IS NULL OR receipt.payment_id IS NULL
        """,
    ),
    Check(
        "payment_attempts {id}: its channel or transaction_id disagrees with payment {payment_id}.",
        """
        SELECT attempt.id, attempt.payment_id FROM payment_attempts AS attempt
        LEFT JOIN payments AS payment ON payment.id = attempt.payment_id
        WHERE (payment.captured_at IS NOT NULL) <> (attempt.transaction_id IS NOT NULL)
            OR (attempt.paid_at IS NOT NULL) <> (attempt.transaction_id IS NOT NULL)
            OR payment.channel IS DISTINCT FROM attempt.channel
        """,
    ),
    Check(
        "postings {id}: missing, or other than payment {payment_id}, its line and its receipt say.",
        """
        SELECT posting.id, coalesce(line.payment_id, posting.payment_id) AS payment_id
        FROM (
            SELECT line.payment_id, line.bill_id, line.amount_fen, line.late_fee_fen, payment.provider_id,
                payment.captured_at, receipt.number
            FROM payments AS payment JOIN payment_lines AS line ON line.payment_id = payment.id
            LEFT JOIN receipts AS receipt ON receipt.payment_id = payment.id
            WHERE payment.captured_at IS NOT NULL AND NOT payment.held
        ) AS line
        FULL JOIN postings AS posting ON posting.payment_id = line.payment_id AND posting.bill_id = line.bill_id
        WHERE (line.amount_fen, line.late_fee_fen, line.provider_id, line.captured_at, line.number)
            IS DISTINCT FROM
            (posting.amount_fen, posting.late_fee_fen, posting.provider_id, posting.paid_at, posting.receipt_number)
        """,
    ),
    Check(
        "refunds {id}: {kind} of {amount_fen} should be in the ledger; transfer {transfer_id} is of {moved_fen}.",
        f"""
        SELECT coalesce(refund.id, moved.reference_id) AS id, coalesce(refund.kind, moved.kind) AS kind,
            refund.amount_fen, moved.id AS transfer_id, moved.amount_fen AS moved_fen
        FROM ({_REFUND_TRANSFERS}) AS refund
        FULL JOIN ({AMOUNTS} WHERE transfer.kind IN ('refund_started', 'refund_paid', 'refund_failed')) AS moved
            ON moved.reference_id = refund.id AND moved.kind = refund.kind
        WHERE refund.amount_fen IS DISTINCT FROM moved.amount_fen
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "till_payments {payment_id}: tendered_fen less change_fen is {kept_fen}; the payment is of {amount_fen}.",
        """
        SELECT payment_id, tendered_fen - change_fen AS kept_fen, amount_fen FROM till_payments
        LEFT JOIN payments ON payments.id = payment_id
        WHERE amount_fen IS NULL OR tendered_fen - change_fen <> amount_fen
        """,
    ),
)
