"""How long this service keeps the rows of each table; the worker carries it out, and the evidence shows it."""

from collections.abc import Mapping

from kit.evidence.retention import Job, Kept, Period, Retention, Rule

_YEARS_3 = 1095
_LIMITATION = "Civil Code 188: claims lapse after three years"
_ENOUGH = "PIPL 19: the shortest time that the purpose needs"
_ACTED = "PIPL 51 and 54: who did what; holds no name or phone of residents"
_BOOKS = Kept(
    "Measures for the Administration of Accounting Archives 14: 30 years from the end of the year, none of which is "
    "over before 2057; the person is an id, which names nobody once closed"
)
_CLOSED = Job("svc_payments.collection.closures.consumers:HANDLERS", "PIPL 47: when the person closes the account")
_UPLOAD = Job("svc_payments.billing.uploads.worker:forget_old", _ENOUGH)

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(
        (
            *("bills", "bill_versions", "bill_numbers", "payments", "payment_lines", "payment_attempts", "postings"),
            *("refunds", "second_transactions", "receipts", "receipt_codes", "e_invoices", "statement_lines"),
            *("settlement_lines", "reconciliation_findings", "till_payments", "till_payouts", "mandates"),
            *("mandate_debits", "ledger_transfers", "ledger_entries", "ledger_facts", "card_writings"),
            *("cases", "case_entries", "refused_rows", "payout_codes", "application_fees"),
            *("app_orders", "app_order_refunds"),
        ),
        _BOOKS,
    ),
    **dict.fromkeys(
        (
            *("payout_approvals", "audit_records", "manual_actions", "incidents", "refund_operator_days"),
            *("till_sessions", "till_counts", "transfer_files", "payment_terms", "payment_terms_approvals"),
            *("reconciliation_runs", "staff_roles", "payees", "payee_apps"),
        ),
        Kept(_ACTED),
    ),
    "account_bindings": Period(
        _YEARS_3,
        "ended_at",
        "bills of the time in which it was bound stay visible, and can be challenged",
        _LIMITATION,
        {"account_number": "''", "held_until": "NULL"},
        person="person_id",
    ),
    "bill_inquiries": Period(90, "asked_at", "the next query of the account overwrites it", _ENOUGH),
    "inquired_bills": _BOOKS,
    "top_up_validations": Job("svc_payments.collection.top_ups.service:forget_validations", _ENOUGH),
    "reminders": Period(400, "raised_at", "the same month of the next year is compared with it", _ENOUGH),
    "muted_reminders": _CLOSED,
    "arrears": Period(90, "closed_at", "a late event of the notice finds that it is over", _ENOUGH),
    "bill_file_uploads": _UPLOAD,
    "bill_file_upload_parts": _UPLOAD,
}
_DISPUTED = "EXISTS (SELECT FROM payments AS dispute WHERE dispute.person_id = {person} AND dispute.refunding_fen > 0)"
RETENTION = Retention("payments", RULES, _DISPUTED)
