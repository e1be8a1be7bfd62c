"""What svc_payments seals: rows of its audit trail, and the facts of payments in the ledger's chain.

The triggers of migration 0028 have their own copy of these texts; a change here needs a migration that replaces them.
"""

from kit.audit.sealing import ROW, SealedTable, without

_POLLING = ("asked", "ask_at")
# The lines of a settlement are final once they are in it; one figure for all of them keeps the trail short.
_LINES = f"""
    jsonb_build_object('lines', (
        SELECT encode(sha256(convert_to(coalesce(string_agg(
            concat_ws(' ', line.transfer_id, line.amount_fen, line.fee_fen), E'\\n' ORDER BY line.transfer_id
        ), ''), 'UTF8')), 'hex')
        FROM settlement_lines AS line WHERE line.settlement_id = {ROW}.id
    ))
"""  # noqa: S608 - of our own texts
_FILE = f"jsonb_build_object('content', encode(sha256({ROW}.content), 'hex'))"

SEALED_TABLES = (
    SealedTable("audit_records"),
    SealedTable("manual_actions"),
    SealedTable("settlements", f"to_jsonb({ROW}) || {_LINES}"),
    SealedTable("transfer_files", f"{without('content')} || {_FILE}"),
    SealedTable("refunds", without(*_POLLING)),
    SealedTable("second_transactions"),
    SealedTable("till_sessions"),
    SealedTable("till_payments", key=f"{ROW}.payment_id::text"),
    SealedTable("till_payouts", key=f"{ROW}.refund_id::text"),
    SealedTable("till_counts"),
)

# Each expression has one transfer as `transfer`. Whatever of these rows still changes later follows from other rows.
_PAYMENT = """
    SELECT jsonb_build_object(
        'payments', to_jsonb(payment) - ARRAY['status', 'refunded_fen', 'refunding_fen', 'completed_at'],
        'payment_attempts', (
            SELECT jsonb_agg(
                to_jsonb(attempt) - ARRAY['asked', 'ask_at', 'pay_url', 'pay_parameters'] ORDER BY attempt.id
            ) FROM payment_attempts AS attempt WHERE attempt.payment_id = payment.id
        ),
        'payment_lines', (
            SELECT jsonb_agg(
                to_jsonb(line) - ARRAY['refunded_fen', 'refunding_fen', 'released_at'] ORDER BY line.bill_id
            ) FROM payment_lines AS line WHERE line.payment_id = payment.id
        ),
        'receipts', (
            SELECT jsonb_agg(to_jsonb(receipt) ORDER BY receipt.number)
            FROM receipts AS receipt WHERE receipt.payment_id = payment.id
        )
    )
    FROM payments AS payment WHERE payment.id = transfer.reference_id
"""
_POSTING = """
    SELECT jsonb_build_object('postings', to_jsonb(posting) - ARRAY[
        'status', 'tries', 'try_at', 'refusal', 'prepaid_kind', 'prepaid_token', 'prepaid_state', 'given_up_at',
        'settled_at'
    ])
    FROM postings AS posting WHERE posting.id = transfer.reference_id
"""
FACTS = f"""
    CASE WHEN transfer.kind IN ('payment_captured', 'payment_held') THEN ({_PAYMENT})
    WHEN transfer.kind = 'bill_booked' THEN ({_POSTING}) END
"""
"""SQL for what is sealed with a transfer; NULL for kinds that state all in their entries."""
