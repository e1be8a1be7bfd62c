"""Counter tills and auto-pay mandates."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INCIDENTS = (
    "unknown_order",
    "other_merchant",
    "other_amount",
    "other_currency",
    "second_transaction",
    "transaction_reused",
    "money_held",
    "posting_refused",
)


def upgrade() -> None:
    _allow_incidents(*_INCIDENTS, "cash_difference")
    op.create_table(
        "till_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=True),
        sa.Column("till_number", sa.Text(), nullable=False),
        sa.Column("clerk_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opening_float_fen", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expected_fen", sa.BigInteger(), nullable=True),
        sa.Column("counted_fen", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("deposited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deposited_by", sa.Uuid(), nullable=True),
        sa.Column("deposit_reference", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status <> 'deposited' OR num_nulls(deposited_by, deposited_at, deposit_reference) = 0",
            name=op.f("ck_till_sessions_deposited_whole"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'counted') OR num_nulls(closed_by, closed_at, expected_fen, counted_fen) = 0",
            name=op.f("ck_till_sessions_closed_whole"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'counted', 'closed', 'deposited')", name=op.f("ck_till_sessions_status")
        ),
        sa.CheckConstraint("closed_by <> clerk_id", name=op.f("ck_till_sessions_closed_by_another")),
        sa.CheckConstraint("opening_float_fen >= 0", name=op.f("ck_till_sessions_opening_float_fen")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_till_sessions")),
        sa.UniqueConstraint("deposit_reference", name=op.f("uq_till_sessions_deposit_reference")),
    )
    op.create_index("ix_till_sessions_organisation_id_id", "till_sessions", ["organisation_id", "id"], unique=False)
    op.create_index(
        "uq_till_sessions_clerk",
        "till_sessions",
        ["clerk_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('open', 'counted')"),
    )
    op.create_index(
        "uq_till_sessions_till",
        "till_sessions",
        ["organisation_id", "till_number"],
        unique=True,
        postgresql_where=sa.text("status IN ('open', 'counted')"),
    )
    op.create_table(
        "till_counts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("till_session_id", sa.Uuid(), nullable=False),
        sa.Column("counted_by", sa.Uuid(), nullable=False),
        sa.Column("pieces", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("counted_fen", sa.BigInteger(), nullable=False),
        sa.Column("expected_fen", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("counted_fen >= 0", name=op.f("ck_till_counts_counted_fen")),
        sa.ForeignKeyConstraint(
            ["till_session_id"], ["till_sessions.id"], name=op.f("fk_till_counts_till_session_id_till_sessions")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_till_counts")),
    )
    op.create_index("ix_till_counts_till_session_id", "till_counts", ["till_session_id"], unique=False)
    op.create_table(
        "till_payments",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("till_session_id", sa.Uuid(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("tendered_fen", sa.BigInteger(), nullable=True),
        sa.Column("change_fen", sa.BigInteger(), nullable=True),
        sa.Column("merchant_number", sa.Text(), nullable=True),
        sa.Column("terminal_number", sa.Text(), nullable=True),
        sa.Column("batch_number", sa.Text(), nullable=True),
        sa.Column("trace_number", sa.Text(), nullable=True),
        sa.Column("retrieval_number", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(tendered_fen IS NULL) = (change_fen IS NULL)", name=op.f("ck_till_payments_tendered_whole")
        ),
        sa.CheckConstraint(
            "num_nulls(merchant_number, terminal_number, batch_number, trace_number, retrieval_number) IN (0, 5)",
            name=op.f("ck_till_payments_terminal_whole"),
        ),
        sa.CheckConstraint(
            "tendered_fen > 0 AND change_fen >= 0 AND change_fen < tendered_fen",
            name=op.f("ck_till_payments_change_fen"),
        ),
        sa.CheckConstraint("tendered_fen IS NULL OR trace_number IS NULL", name=op.f("ck_till_payments_cash_or_card")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_till_payments_payment_id_payments")),
        sa.ForeignKeyConstraint(
            ["till_session_id"], ["till_sessions.id"], name=op.f("fk_till_payments_till_session_id_till_sessions")
        ),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_till_payments")),
        sa.UniqueConstraint("merchant_number", "terminal_number", "batch_number", "trace_number", name="slip"),
    )
    op.create_index("ix_till_payments_till_session_id", "till_payments", ["till_session_id"], unique=False)
    # refuse_change came with the first migration.
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON till_counts "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_index("ix_till_payments_till_session_id", table_name="till_payments")
    op.drop_table("till_payments")
    op.drop_index("ix_till_counts_till_session_id", table_name="till_counts")
    op.drop_table("till_counts")
    op.drop_index(
        "uq_till_sessions_till", table_name="till_sessions", postgresql_where=sa.text("status IN ('open', 'counted')")
    )
    op.drop_index(
        "uq_till_sessions_clerk", table_name="till_sessions", postgresql_where=sa.text("status IN ('open', 'counted')")
    )
    op.drop_index("ix_till_sessions_organisation_id_id", table_name="till_sessions")
    op.drop_table("till_sessions")
    _allow_incidents(*_INCIDENTS)


def _allow_incidents(*kinds: str) -> None:
    name = op.f("ck_incidents_kind")
    op.drop_constraint(name, "incidents")
    op.create_check_constraint(name, "incidents", f"kind IN ({', '.join(map(repr, kinds))})")
