"""What this service states of the personal data that it holds, for `python -m deploy.evidence`."""

from kit.evidence.facts import Evidence, Figure, Held, Party, month

_PAYMENTS, _TRAIL, _ACCOUNTS, _ABUSE = "payments", "audit_trail", "utility_accounts", "abuse_prevention"
_BOOKS = "30 years from the end of the year, as accounting documents"
_CLOSED = "erased when the closure of the account takes effect"

TABLES = {
    **dict.fromkeys(
        (
            *("bills", "bill_versions", "bill_numbers", "payments", "payment_lines", "payment_attempts", "postings"),
            *("refunds", "second_transactions", "receipts", "receipt_codes", "e_invoices", "statement_lines"),
            *("settlement_lines", "reconciliation_findings", "till_payments", "till_payouts", "mandates"),
            *("mandate_debits", "ledger_transfers", "ledger_entries", "ledger_facts", "card_writings"),
            *("application_fees", "app_orders", "app_order_refunds"),
        ),
        Held(_PAYMENTS, _BOOKS),
    ),
    "cases": Held(_PAYMENTS, _BOOKS),
    "case_entries": Held(_PAYMENTS, _BOOKS),
    "refused_rows": Held(_PAYMENTS, "with its bill file"),
    "bill_file_uploads": Held(_PAYMENTS, "the content when it was read; the outcome stays with the bill file"),
    "bill_file_upload_parts": Held(_PAYMENTS, "when the file was read"),
    "bill_inquiries": Held(_ACCOUNTS, "overwritten by the next query of the account, after 90 days at the latest"),
    "inquired_bills": Held(_ACCOUNTS, "with its bill; names no account"),
    "arrears": Held(_ACCOUNTS, "90 days after the notice is over"),
    "top_up_validations": Held(_ACCOUNTS, _CLOSED),
    "account_bindings": Held(_ACCOUNTS, f"the number is {_CLOSED}, or three years after it ended"),
    "reminders": Held(_ACCOUNTS, f"after 400 days, or {_CLOSED}"),
    "muted_reminders": Held(_ACCOUNTS, _CLOSED),
    "payout_codes": Held(_ABUSE, "kept with the refund; a hash of a code that is good once"),
    "payout_approvals": Held(_TRAIL, "kept: which supervisor allowed it"),
    "audit_records": Held(_TRAIL, "kept; holds no name, phone or ID number"),
    "manual_actions": Held(_TRAIL, "kept: who changed what by hand, and why"),
    "incidents": Held(_TRAIL, "kept; holds numbers and codes only"),
    "refund_operator_days": Held(_TRAIL, "kept: what a member of staff refunded in a day"),
    "till_sessions": Held(_TRAIL, "kept: which clerk had the till"),
    "till_counts": Held(_TRAIL, "kept: who counted the till"),
    "transfer_files": Held(_TRAIL, "kept: who paid which company"),
    "payment_terms": Held(_TRAIL, "kept: who proposed the terms of a company"),
    "payment_terms_approvals": Held(_TRAIL, "kept: who approved the terms of a company"),
    "payees": Held(_TRAIL, "kept: who proposed, approved, suspended and resumed a payee"),
    "payee_apps": Held(_TRAIL, "kept: who agreed that a mini-app collects for a payee"),
    "reconciliation_runs": Held(_TRAIL, "kept: who started it"),
    "staff_roles": Held(_TRAIL, "kept: who held which power, and when"),
}
IMPERSONAL = frozenset(
    {
        *("providers", "tariffs", "bill_files", "reminder_runs", "channel_nonces", "statements", "settlements"),
        *("ledger_accounts", "ledger_links", "ledger_anchors", "tariff_plans"),
        *("changed_days", "mini_apps", "payee_days"),
    }
)
FIGURES = (
    Figure(
        "payments",
        "缴费：按年份和支付渠道的笔数（渠道收到订单号和金额）",
        "SELECT to_char(created_at AT TIME ZONE 'Asia/Shanghai', 'YYYY') AS year, channel, count(*) AS payments, "
        "count(DISTINCT person_id) AS persons FROM payments GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Figure(
        "audited_acts",
        "审计记录中的操作（含查看）: 按月份和操作的次数",
        f"SELECT {month('created_at')} AS month, action, count(*) AS acts, count(DISTINCT actor) AS actors "  # noqa: S608 - ours
        "FROM audit_records GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Figure(
        "incidents",
        "异常事件：按月份和种类，件数、已处理件数和最长处理天数",
        f"SELECT {month('created_at')} AS month, kind, count(*) AS incidents, count(resolved_at) AS resolved, "  # noqa: S608 - ours
        "round(max(extract(epoch FROM resolved_at - created_at) / 86400)::numeric, 2) AS longest_days "
        "FROM incidents GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Figure(
        "mandates",
        "委托代扣：按渠道和状态的件数",
        "SELECT channel, status, count(*) AS mandates FROM mandates GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Figure(
        "e_invoices",
        "电子发票：按状态和抬头种类的张数",
        "SELECT status, title_kind, count(*) AS invoices FROM e_invoices GROUP BY 1, 2 ORDER BY 1, 2",
    ),
)
PARTIES = (
    Party("payment_channel", "支付渠道", ("order_number", "amount"), "svc_payments.channels.provider"),
    Party(
        "provider_of_the_account",
        "户号所在的公用事业单位：销账",
        ("account_number", "amount", "receipt_number"),
        "svc_payments.collection.postings.provider",
    ),
    Party(
        "provider_of_the_account",
        "户号所在的公用事业单位：充值前核对",
        ("account_number", "amount"),
        "svc_payments.collection.top_ups.provider",
    ),
    Party(
        "provider_of_the_account",
        "户号所在的公用事业单位：查询欠费",
        ("account_number",),
        "svc_payments.billing.inquiries.provider",
    ),
    Party(
        "invoicing_service",
        "电子发票服务商",
        ("invoice_title", "email", "amount"),
        "svc_payments.documents.e_invoices.provider",
    ),
)
EVIDENCE = Evidence(
    "payments",
    TABLES,
    IMPERSONAL,
    FIGURES,
    PARTIES,
    frozenset({"svc_payments.reconciliation.statements.layouts.provider"}),
)
