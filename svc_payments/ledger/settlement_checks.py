"""What of settlements and their payment follows from the ledger."""

from svc_payments.ledger.checks import AMOUNTS, Check

# `settlement` in the first, `line` in the second: a condition may be added to either.
UNPROVEN_SETTLEMENTS = f"""
    SELECT settlement.id FROM settlements AS settlement
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_fen) FILTER (WHERE kind = 'bill_booked'), 0) AS booked_fen,
            -coalesce(sum(amount_fen) FILTER (WHERE kind <> 'bill_booked'), 0) AS returned_fen,
            coalesce(sum(fee_fen), 0) AS fee_fen, count(*) FILTER (WHERE kind = 'bill_booked') AS bookings,
            coalesce(bool_and(line.provider_id = settlement.provider_id), false) AS own
        FROM settlement_lines AS line WHERE line.settlement_id = settlement.id
    ) AS lines
    LEFT JOIN ({AMOUNTS} WHERE transfer.kind = 'provider_fee') AS fee ON fee.reference_id = settlement.id
    LEFT JOIN ({AMOUNTS} WHERE transfer.kind = 'provider_settled') AS paid ON paid.reference_id = settlement.id
    WHERE NOT (
        own AND (lines.booked_fen, lines.returned_fen, lines.fee_fen, lines.bookings)
            = (settlement.booked_fen, settlement.returned_fen, settlement.fee_fen, settlement.bookings)
        AND coalesce(fee.amount_fen, 0) = settlement.fee_fen
        AND coalesce(paid.amount_fen, 0)
            = CASE settlement.status WHEN 'confirmed' THEN settlement.payable_fen ELSE 0 END
        AND (settlement.status = 'closed' OR settlement.payable_fen = 0) = (settlement.transfer_file_id IS NULL)
        AND (settlement.status = 'confirmed') = (settlement.confirmed_at IS NOT NULL)
    )
"""  # noqa: S608 - nothing but texts of this module
UNPROVEN_LINES = """
    SELECT line.transfer_id, line.settlement_id FROM settlement_lines AS line
    LEFT JOIN ledger_transfers AS transfer ON transfer.id = line.transfer_id
    LEFT JOIN postings AS posting ON posting.id = transfer.reference_id
    WHERE ((line.kind, line.reference_id, line.payment_id, line.moved_at)
        IS DISTINCT FROM (transfer.kind, transfer.reference_id, posting.payment_id, transfer.created_at)
    OR NOT EXISTS (
        SELECT FROM ledger_entries AS entry
        JOIN ledger_accounts AS account ON account.id = entry.account_id AND account.kind = 'provider_payable'
        WHERE entry.transfer_id = line.transfer_id AND entry.amount_fen = -line.amount_fen
        AND account.holder = line.provider_id::text
    ) OR (line.settlement_id IS NULL AND line.fee_fen <> 0)
    OR line.settlement_id NOT IN (SELECT id FROM settlements))
"""
SETTLEMENT_CHECKS = (
    Check("settlements {id}: its figures do not follow from its lines and the ledger.", UNPROVEN_SETTLEMENTS),
    Check(
        "settlement_lines {transfer_id}: of settlement {settlement_id}, not as its transfer in the ledger.",
        UNPROVEN_LINES,
    ),
    Check(
        "Transfer {id} is {kind} of settlement {reference_id}, which there is not.",
        """
        SELECT id, kind, reference_id FROM ledger_transfers
        WHERE kind IN ('provider_fee', 'provider_settled') AND reference_id NOT IN (SELECT id FROM settlements)
        """,
    ),
    Check(
        "transfer_files {id}: is {state}, of {transfers} transfers and {total_fen}; its settlements are {inside}, "
        "of {inside_fen}, and {states}.",
        """
        SELECT file.id, file.state, file.transfers, file.total_fen, inside.*
        FROM transfer_files AS file
        CROSS JOIN LATERAL (
            SELECT count(*) AS inside, coalesce(sum(payable_fen), 0) AS inside_fen,
                string_agg(DISTINCT status, ', ') AS states
            FROM settlements WHERE transfer_file_id = file.id
        ) AS inside
        WHERE (inside, inside_fen) <> (transfers, total_fen)
            OR states <> CASE file.state WHEN 'generated' THEN 'instructed' ELSE file.state END
        """,
    ),
    Check(
        "settlement_lines {id}: missing, though the day of this transfer ({kind}) was closed.",
        """
        SELECT transfer.id, transfer.kind FROM ledger_transfers AS transfer
        JOIN ledger_entries AS entry ON entry.transfer_id = transfer.id
        JOIN ledger_accounts AS account ON account.id = entry.account_id AND account.kind = 'provider_payable'
        WHERE transfer.kind NOT IN ('provider_fee', 'provider_settled')
        AND NOT EXISTS (SELECT FROM settlement_lines AS line WHERE line.transfer_id = transfer.id)
        AND CAST(transfer.created_at AT TIME ZONE 'Asia/Shanghai' AS date) IN (
            SELECT CAST(moved_at AT TIME ZONE 'Asia/Shanghai' AS date) FROM settlement_lines
        )
        AND CAST(transfer.created_at AT TIME ZONE 'Asia/Shanghai' AS date) < (SELECT max(day) FROM settlements)
        """,
    ),
)
