"""Money's states: what is paid and booked of a bill, clearing, reversal and refund; the audit trail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_CHECKS = {
    ("ledger_accounts", "kind"): (
        ("channel_receivable", "provider_payable", "suspense"),
        ("channel_receivable", "person_clearing", "provider_payable", "suspense", "refunds", "fees", "bank"),
    ),
    ("ledger_transfers", "kind"): (
        ("payment_captured", "payment_held"),
        (
            "payment_captured",
            "payment_held",
            "bill_booked",
            "booking_reversed",
            "refund_started",
            "refund_paid",
            "refund_failed",
            "channel_fee",
            "channel_settled",
            "provider_fee",
            "provider_settled",
            "excess_recorded",
            "shortage_recorded",
            "case_closed",
            "cash_deposited",
            "cash_difference",
            "corrected",
        ),
    ),
    ("bills", "status"): (
        ("due", "paying", "paid", "posted"),
        ("due", "paying", "paid", "posted", "void", "expired", "superseded"),
    ),
    ("payments", "status"): (
        ("created", "pending", "unknown", "captured", "posting", "completed", "failed", "expired"),
        (
            "created",
            "pending",
            "unknown",
            "captured",
            "posting",
            "completed",
            "reversing",
            "refunded",
            "failed",
            "expired",
        ),
    ),
}

_FIGURES = (
    """
    UPDATE bills SET paid_fen = amount_fen, booked_fen = CASE status WHEN 'posted' THEN amount_fen ELSE 0 END
    WHERE status IN ('paid', 'posted')
    """,
    # Until now a capture credited the provider at once. What no provider has booked yet is its payer's again.
    """
    INSERT INTO ledger_accounts (id, kind, holder)
    SELECT uuidv7(), 'person_clearing', person_id::text
    FROM (
        SELECT DISTINCT person_id FROM postings JOIN payments ON payments.id = payment_id
        WHERE postings.status <> 'booked'
    ) AS payer
    """,
    """
    INSERT INTO ledger_transfers (id, kind, reference_id)
    SELECT uuidv7(), 'corrected', id FROM postings WHERE status <> 'booked'
    """,
    """
    INSERT INTO ledger_entries (transfer_id, account_id, amount_fen)
    SELECT ledger_transfers.id, ledger_accounts.id,
        CASE ledger_accounts.kind WHEN 'provider_payable' THEN postings.amount_fen ELSE -postings.amount_fen END
    FROM ledger_transfers
    JOIN postings ON postings.id = reference_id
    JOIN payments ON payments.id = payment_id
    JOIN ledger_accounts ON (ledger_accounts.kind, holder) IN (
        ('provider_payable', payments.provider_id::text), ('person_clearing', person_id::text)
    )
    WHERE ledger_transfers.kind = 'corrected'
    """,
)


def upgrade() -> None:
    for (table, column), (_, values) in _CHECKS.items():
        _allow(table, column, values)
    op.add_column("bills", sa.Column("kind", sa.Text(), server_default="regular", nullable=False))
    for column in ("late_fee_fen", "paid_fen", "booked_fen"):
        op.add_column("bills", sa.Column(column, sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("payments", sa.Column("refunded_fen", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("payment_lines", sa.Column("late_fee_fen", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("payment_lines", sa.Column("partial", sa.Boolean(), server_default="false", nullable=False))
    for statement in _FIGURES:
        op.execute(statement)
    for table, name, rule in (
        ("bills", "kind", "kind IN ('regular', 'advance', 'top_up')"),
        ("bills", "late_fee_fen", "late_fee_fen >= 0"),
        ("bills", "paid_fen", "paid_fen BETWEEN 0 AND amount_fen + late_fee_fen"),
        ("bills", "booked_fen", "booked_fen BETWEEN 0 AND paid_fen"),
        ("payments", "refunded_fen", "refunded_fen BETWEEN 0 AND amount_fen"),
        ("payment_lines", "late_fee_fen", "late_fee_fen >= 0 AND late_fee_fen <= amount_fen"),
    ):
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)
    op.create_table(
        "audit_records",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_records")),
    )
    op.create_index("ix_audit_records_subject_id", "audit_records", ["subject", "id"], unique=False)
    op.create_index("ix_audit_records_actor_id", "audit_records", ["actor", "id"], unique=False)
    # refuse_change came with the first migration.
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_records "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Back to the schema before; refused by it once money has been in a state that it does not know."""
    op.drop_table("audit_records")
    op.drop_column("payment_lines", "partial")
    op.drop_column("payment_lines", "late_fee_fen")
    op.drop_column("payments", "refunded_fen")
    for column in ("booked_fen", "paid_fen", "late_fee_fen", "kind"):
        op.drop_column("bills", column)
    for (table, column), (values, _) in _CHECKS.items():
        _allow(table, column, values)


def _allow(table: str, column: str, values: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table)
    op.create_check_constraint(name, table, f"{column} IN ({', '.join(map(repr, values))})")
