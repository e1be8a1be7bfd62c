"""What must follow from other rows: the books themselves, payments with their bills and refunds, settlements."""

from svc_payments.ledger.bill_checks import BILL_CHECKS
from svc_payments.ledger.checks import AMOUNTS, CREDITED_AT_CAPTURE, Check
from svc_payments.ledger.payment_checks import PAYMENT_CHECKS
from svc_payments.ledger.settlement_checks import SETTLEMENT_CHECKS
from svc_payments.ledger.time_checks import TIME_CHECKS

_LEDGER_CHECKS = (
    Check(
        "Transfer {id} has no entries, or entries that sum to {sum_fen} instead of zero.",
        """
        SELECT transfer.id, coalesce(sum(entry.amount_fen), 0) AS sum_fen
        FROM ledger_transfers AS transfer LEFT JOIN ledger_entries AS entry ON entry.transfer_id = transfer.id
        GROUP BY transfer.id HAVING coalesce(sum(entry.amount_fen), 1) <> 0
        """,
    ),
    Check(
        "Transfer {transfer_id} is spread over more than one link of the chain.",
        """
        SELECT transfer_id FROM (
            SELECT transfer_id, min(position) AS first_one, max(position) AS last_one
            FROM ledger_entries GROUP BY transfer_id
        ) AS transfer
        WHERE EXISTS (SELECT FROM ledger_links WHERE last_position >= first_one AND last_position < last_one)
        """,
    ),
    Check(
        "All entries sum to {sum_fen} instead of zero.",
        "SELECT sum(amount_fen) AS sum_fen FROM ledger_entries HAVING sum(amount_fen) <> 0",
    ),
    Check(
        "Account {id} ({kind} of {holder}) is kept as {debit_fen} debited and {credit_fen} credited; its "
        "entries come to {debited_fen} and {credited_fen}.",
        """
        SELECT id, kind, holder, debit_fen, credit_fen, coalesce(debited, 0) AS debited_fen,
            coalesce(credited, 0) AS credited_fen
        FROM ledger_accounts LEFT JOIN (
            SELECT account_id, sum(greatest(amount_fen, 0)) AS debited, sum(greatest(-amount_fen, 0)) AS credited
            FROM ledger_entries GROUP BY account_id
        ) AS moved ON account_id = id
        WHERE (debit_fen, credit_fen) <> (coalesce(debited, 0), coalesce(credited, 0))
        """,
    ),
    Check(
        "The trial balance does not come to zero: {debit_fen} debited, {credit_fen} credited.",
        """
        SELECT sum(debit_fen) AS debit_fen, sum(credit_fen) AS credit_fen FROM ledger_accounts
        HAVING sum(debit_fen) <> sum(credit_fen)
        """,
    ),
    Check(
        "Payment {id} is captured and has {captures} capture transfers instead of one.",
        """
        SELECT payment.id, count(transfer.id) AS captures FROM payments AS payment
        LEFT JOIN ledger_transfers AS transfer
            ON transfer.reference_id = payment.id AND transfer.kind IN ('payment_captured', 'payment_held')
        WHERE payment.captured_at IS NOT NULL GROUP BY payment.id HAVING count(transfer.id) <> 1
        """,
    ),
    Check(
        "Transfer {id} captures payment {reference_id}, which is not captured.",
        """
        SELECT transfer.id, reference_id FROM ledger_transfers AS transfer
        LEFT JOIN payments AS payment ON payment.id = reference_id
        WHERE transfer.kind IN ('payment_captured', 'payment_held') AND payment.captured_at IS NULL
        """,
    ),
    Check(
        "Transfer {id} captures {amount_fen}; payment {reference_id} is of {paid_fen}.",
        f"""
        SELECT capture.*, payment.amount_fen AS paid_fen FROM ({AMOUNTS}) AS capture
        JOIN payments AS payment ON payment.id = reference_id
        WHERE capture.kind IN ('payment_captured', 'payment_held')
        AND capture.amount_fen IS DISTINCT FROM payment.amount_fen
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "Posting {id} is booked, and {transfers} transfers say so, of {booked_fen}; it should be one of {amount_fen}.",
        f"""
        SELECT posting.id, posting.amount_fen, count(booking.id) AS transfers,
            coalesce(sum(booking.amount_fen), 0) AS booked_fen
        FROM postings AS posting
        LEFT JOIN (
            SELECT transfer.id, transfer.reference_id, sum(greatest(entry.amount_fen, 0)) AS amount_fen
            FROM ledger_transfers AS transfer LEFT JOIN ledger_entries AS entry ON entry.transfer_id = transfer.id
            WHERE transfer.kind = 'bill_booked' GROUP BY transfer.id
        ) AS booking ON booking.reference_id = posting.id
        WHERE posting.status = 'booked' GROUP BY posting.id
        HAVING (count(booking.id), sum(booking.amount_fen)) IS DISTINCT FROM (1, posting.amount_fen)
            AND NOT EXISTS ({CREDITED_AT_CAPTURE.format(payment_id="posting.payment_id")})
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "Transfer {id} books posting {reference_id}, which no provider has booked.",
        """
        SELECT transfer.id, reference_id FROM ledger_transfers AS transfer
        LEFT JOIN postings ON postings.id = reference_id
        WHERE transfer.kind = 'bill_booked' AND postings.provider_reference IS NULL
        """,
    ),
    Check(
        "Payment {id} of {amount_fen} has had {refunded_fen} given back.",
        "SELECT id, amount_fen, refunded_fen FROM payments WHERE refunded_fen > amount_fen",
    ),
    Check(
        "Account {id} ({kind} of {holder}) has no entries; it was inserted past the ledger.",
        """
        SELECT id, kind, holder FROM ledger_accounts AS account
        WHERE NOT EXISTS (SELECT FROM ledger_entries WHERE account_id = account.id)
        """,
    ),
)
CHECKS = (*_LEDGER_CHECKS, *PAYMENT_CHECKS, *BILL_CHECKS, *TIME_CHECKS, *SETTLEMENT_CHECKS)
