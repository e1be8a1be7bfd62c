"""What of bills follows from payments and postings.

A bill that nothing is paid of, and that nobody is paying, is a claim of its company and no money: its amount and
number are not proven, and of its status only that it is not withdrawn without the version that withdraws it.
"""

from svc_payments.ledger.checks import Check

# Money of a bill that went back whole, so that it is owed again.
GIVEN_BACK = """
    EXISTS (
        SELECT FROM refunds AS refund WHERE refund.payment_id = part.payment_id AND refund.bill_id = part.bill_id
        AND refund.status = 'refunded' AND refund.source = 'clearing'
    )
"""
_OPEN = """
    SELECT DISTINCT line.bill_id FROM payments AS payment JOIN payment_lines AS line ON line.payment_id = payment.id
    WHERE payment.status IN ('created', 'pending', 'unknown')
"""
_CONTENT = "account_number, period, usage, amount_fen, due_date, meter_from, meter_to, meter_digits, expires_on"
# A bill is withdrawn as it stands, so that the version before has the same content.
_WITHDRAWN_AS_IT_WAS = f"""
    EXISTS (
        SELECT {_CONTENT} FROM bill_versions WHERE bill_id = bill.id AND version = bill.version - 1
        INTERSECT SELECT {", ".join(f"bill.{column}" for column in _CONTENT.split(", "))}
    )
"""  # noqa: S608 - nothing but texts of this module
BILL_CHECKS = (
    Check(
        "bills {id}: paid_fen, late_fee_fen and booked_fen are {paid_fen}, {late_fee_fen} and {booked_fen}; its "
        "payments come to {as_paid_fen}, {as_late_fee_fen} and {as_booked_fen}.",
        f"""
        SELECT coalesce(bill.id, paid.bill_id) AS id, bill.paid_fen, bill.late_fee_fen, bill.booked_fen,
            coalesce(paid.paid_fen, 0) AS as_paid_fen, coalesce(paid.late_fee_fen, 0) AS as_late_fee_fen,
            coalesce(paid.booked_fen, 0) AS as_booked_fen
        FROM (SELECT * FROM bills WHERE paid_fen <> 0 OR late_fee_fen <> 0 OR booked_fen <> 0) AS bill
        FULL JOIN (
            SELECT part.bill_id, sum(part.amount_fen) AS paid_fen, sum(part.late_fee_fen) AS late_fee_fen,
                coalesce(sum(posting.amount_fen) FILTER (
                    WHERE posting.provider_reference IS NOT NULL AND posting.status <> 'kept'
                ), 0) AS booked_fen
            FROM payment_lines AS part
            JOIN payments AS payment ON payment.id = part.payment_id
                AND payment.captured_at IS NOT NULL AND NOT payment.held
            LEFT JOIN postings AS posting
                ON posting.payment_id = part.payment_id AND posting.bill_id = part.bill_id
            WHERE NOT {GIVEN_BACK}
            GROUP BY part.bill_id
        ) AS paid ON paid.bill_id = bill.id
        WHERE (bill.paid_fen, bill.late_fee_fen, bill.booked_fen)
            IS DISTINCT FROM (paid.paid_fen, paid.late_fee_fen, paid.booked_fen)
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "bills {id}: status is {status}, which does not follow from its payments, its bookings and its versions.",
        f"""
        SELECT bill.id, bill.status FROM bills AS bill LEFT JOIN ({_OPEN}) AS payment ON payment.bill_id = bill.id
        WHERE (bill.status = 'superseded') <> (bill.superseded_by IS NOT NULL) OR CASE
            WHEN payment.bill_id IS NOT NULL THEN bill.status <> 'paying'
            WHEN bill.paid_fen > 0 THEN bill.status <> CASE
                WHEN bill.paid_fen < bill.amount_fen + bill.late_fee_fen THEN 'due'
                WHEN bill.booked_fen = bill.paid_fen THEN 'posted' ELSE 'paid'
            END
            WHEN bill.kind NOT IN ('regular', 'application_fee') THEN bill.status NOT IN ('void', 'expired')
            WHEN bill.status = 'due' THEN bill.reason IN ('past_expiry', 'not_named', 'replaced')
            WHEN bill.status = 'void' THEN bill.reason IS NULL
                OR bill.reason IN ('past_expiry', 'replaced', 'named_again', 'not_stated') OR NOT {_WITHDRAWN_AS_IT_WAS}
            WHEN bill.status = 'expired' THEN bill.reason IS NULL
                OR bill.reason IN ('not_named', 'replaced', 'named_again', 'not_stated') OR NOT {_WITHDRAWN_AS_IT_WAS}
            WHEN bill.status = 'superseded' THEN NOT {_WITHDRAWN_AS_IT_WAS}
            ELSE true
        END
        """,  # noqa: S608 - nothing but texts of this module
    ),
    Check(
        "bills {id}: {columns} other than in posting {posting_id}, with which it was paid.",
        f"""
        SELECT bill.id, part.id AS posting_id, concat_ws(', ',
            CASE WHEN bill.amount_fen <> part.bill_amount_fen THEN 'amount_fen' END,
            CASE WHEN bill.account_number <> part.account_number THEN 'account_number' END,
            CASE WHEN bill.bill_number <> part.bill_number THEN 'bill_number' END,
            CASE WHEN bill.kind <> part.kind THEN 'kind' END
        ) AS columns
        FROM postings AS part JOIN bills AS bill ON bill.id = part.bill_id
        WHERE (bill.amount_fen, bill.account_number, bill.bill_number, bill.kind) <> (
            coalesce(part.bill_amount_fen, bill.amount_fen), part.account_number, part.bill_number, part.kind
        ) AND NOT {GIVEN_BACK}
        """,  # noqa: S608 - nothing but texts of this module
    ),
)
