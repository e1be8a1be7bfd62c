"""What svc_payments seals: rows of its audit trail, and the facts of payments in the ledger's chain.

The triggers of migrations 0028, 0030 to 0032, 0039 and 0043 have their own copy of these texts; a change here needs a
migration that replaces them.
"""

from kit.audit.sealing import ROW, SealedTable, with_hashes, without

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
_VERSION = f"concat_ws(' ', {ROW}.provider_id, {ROW}.version)"
_FILE = f"jsonb_build_object('content', encode(sha256({ROW}.content), 'hex'))"

# What opens a meter is in no copy of the row.
_PREPAID = "jsonb_build_object('prepaid_token', encode(sha256(convert_to({0}.prepaid_token || {0}.id, 'UTF8')), 'hex'))"

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
    SealedTable("payment_terms", key=_VERSION),
    SealedTable("payment_terms_approvals", key=_VERSION),
    SealedTable("refund_operator_days", key=f"concat_ws(' ', {ROW}.operator_id, {ROW}.day)"),
    SealedTable("receipt_codes", with_hashes(code=["code"]), key=f"{ROW}.payment_id::text"),
    SealedTable("payout_codes", key=f"{ROW}.refund_id::text"),
    SealedTable("payout_approvals", key=f"{ROW}.refund_id::text"),
    # What the ledger does not say: bookings are sealed by the link that moves their money.
    SealedTable(
        "postings",
        f"{without('tries', 'try_at', 'prepaid_token')} || {_PREPAID.format(ROW)}",
        only=f"{ROW}.status IN ('refused', 'cancelled', 'kept')",
    ),
    SealedTable("mandates", without(*_POLLING, "look_at", "sign_url")),
    # Whoever removes one hides that money is missing.
    SealedTable("cases"),
    SealedTable("case_entries", with_hashes(words=["words"])),
    SealedTable("incidents"),
    SealedTable("application_fees"),
    SealedTable("payees"),
    SealedTable("payee_apps"),
    SealedTable("app_orders"),
    SealedTable("app_order_refunds", key=f"concat_ws(' ', {ROW}.app_id, {ROW}.refund_number)"),
)

# Whatever of these rows still changes later follows from other rows.
_PAYMENT = "(to_jsonb(payment) - ARRAY['status', 'refunded_fen', 'refunding_fen', 'completed_at'])"
_ATTEMPT = "(to_jsonb(attempt) - ARRAY['asked', 'ask_at', 'pay_url', 'pay_parameters'])"
# A line that is open after its capture is released by a refund, from which that time follows.
_LINE = """
    (to_jsonb(line) - ARRAY['refunded_fen', 'refunding_fen'] || jsonb_build_object('released_at', CASE
        WHEN payment.held OR line.released_at = payment.captured_at THEN line.released_at
    END))
"""
_RECEIPT = "to_jsonb(receipt)"
_POSTING = f"""
    (to_jsonb(posting) - ARRAY[
        'status', 'tries', 'try_at', 'prepaid_token', 'prepaid_state', 'given_up_at', 'settled_at'
    ] || {_PREPAID.format("posting")})
"""
_CAPTURED = "transfer.kind IN ('payment_captured', 'payment_held')"
_BOOKED = "transfer.kind = 'bill_booked'"
# Each expression has one transfer as `transfer`.
FACTS = f"""
    CASE WHEN {_CAPTURED} THEN (
        SELECT jsonb_build_object(
            'payments', {_PAYMENT},
            'payment_attempts', (
                SELECT jsonb_agg({_ATTEMPT} ORDER BY attempt.id)
                FROM payment_attempts AS attempt WHERE attempt.payment_id = payment.id
            ),
            'payment_lines', (
                SELECT jsonb_agg({_LINE} ORDER BY line.bill_id)
                FROM payment_lines AS line WHERE line.payment_id = payment.id
            ),
            'receipts', (
                SELECT jsonb_agg({_RECEIPT} ORDER BY receipt.number)
                FROM receipts AS receipt WHERE receipt.payment_id = payment.id
            )
        )
        FROM payments AS payment WHERE payment.id = transfer.reference_id
    )
    WHEN {_BOOKED} THEN (
        SELECT jsonb_build_object('postings', {_POSTING})
        FROM postings AS posting WHERE posting.id = transfer.reference_id
    ) END
"""  # noqa: S608 - of our own texts
"""SQL for what is sealed with a transfer; NULL for kinds that state all in their entries."""
PLAINLY_AS_SEALED = f"""
    CASE WHEN {_CAPTURED} THEN (
        SELECT count(*) = 1 AND bool_and(
            {_PAYMENT} @> (fact.content -> 'payments')
            AND jsonb_build_array({_ATTEMPT}) @> (fact.content -> 'payment_attempts')
            AND jsonb_build_array({_LINE}) @> (fact.content -> 'payment_lines')
            AND jsonb_build_array({_RECEIPT}) @> (fact.content -> 'receipts')
        )
        FROM payments AS payment
        JOIN payment_attempts AS attempt ON attempt.payment_id = payment.id
        JOIN payment_lines AS line ON line.payment_id = payment.id
        JOIN receipts AS receipt ON receipt.payment_id = payment.id
        WHERE payment.id = transfer.reference_id
    )
    WHEN {_BOOKED} THEN (
        SELECT count(*) = 1 AND bool_and({_POSTING} @> (fact.content -> 'postings'))
        FROM postings AS posting WHERE posting.id = transfer.reference_id
    ) END
"""  # noqa: S608 - of our own texts
"""SQL for whether `fact` is as sealed, at half the price of FACTS: true for a payment with one row of each kind.

A column that was added after a fact was sealed is no difference. Not true says nothing: FACTS has to be compared.
"""
