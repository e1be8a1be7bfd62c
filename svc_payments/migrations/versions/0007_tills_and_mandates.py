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
        "mandates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("limit_fen", sa.BigInteger(), nullable=False),
        sa.Column("monthly_limit_fen", sa.BigInteger(), nullable=True),
        sa.Column("notice_days", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("sign_url", sa.Text(), nullable=True),
        sa.Column("sign_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("contract_id", sa.Text(), nullable=True),
        sa.Column("look_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("end_reason IN ('person', 'binding_ended', 'channel')", name=op.f("ck_mandates_end_reason")),
        sa.CheckConstraint(
            "status <> 'active' OR contract_id IS NOT NULL", name=op.f("ck_mandates_active_by_contract")
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'active', 'suspended', 'expired', 'cancelled')", name=op.f("ck_mandates_status")
        ),
        sa.CheckConstraint("limit_fen > 0", name=op.f("ck_mandates_limit_fen")),
        sa.CheckConstraint("monthly_limit_fen >= limit_fen", name=op.f("ck_mandates_monthly_limit_fen")),
        sa.CheckConstraint("notice_days BETWEEN 1 AND 15", name=op.f("ck_mandates_notice_days")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandates")),
    )
    op.create_index("ix_mandates_person_id_id", "mandates", ["person_id", "id"], unique=False)
    op.create_index(
        "ix_mandates_to_ask", "mandates", ["ask_at"], unique=False, postgresql_where=sa.text("ask_at IS NOT NULL")
    )
    op.create_index(
        "ix_mandates_to_look", "mandates", ["look_at"], unique=False, postgresql_where=sa.text("status = 'active'")
    )
    op.create_index(
        "uq_mandates_account",
        "mandates",
        ["provider_id", "account_number"],
        unique=True,
        postgresql_where=sa.text("status IN ('requested', 'active', 'suspended')"),
    )
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
        "mandate_debits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mandate_id", sa.Uuid(), nullable=False),
        sa.Column("bill_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("debit_on", sa.Date(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('announced', 'ordered', 'paid', 'over_limit', 'withdrawn', 'unneeded', 'failed')",
            name=op.f("ck_mandate_debits_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('ordered', 'paid') OR payment_id IS NOT NULL",
            name=op.f("ck_mandate_debits_ordered_by_payment"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_mandate_debits_amount_fen")),
        sa.ForeignKeyConstraint(["mandate_id"], ["mandates.id"], name=op.f("fk_mandate_debits_mandate_id_mandates")),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_mandate_debits_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandate_debits")),
        sa.UniqueConstraint("mandate_id", "bill_id", name=op.f("uq_mandate_debits_mandate_id_bill_id")),
    )
    op.create_index(
        "ix_mandate_debits_ordered",
        "mandate_debits",
        ["payment_id"],
        unique=False,
        postgresql_where=sa.text("status = 'ordered'"),
    )
    op.create_index(
        "ix_mandate_debits_to_order",
        "mandate_debits",
        ["try_at"],
        unique=False,
        postgresql_where=sa.text("status = 'announced'"),
    )
    op.create_index(
        "uq_mandate_debits_open_bill",
        "mandate_debits",
        ["bill_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('announced', 'ordered')"),
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
    op.add_column("payment_attempts", sa.Column("contract_number", sa.Text(), nullable=True))
    op.add_column("payment_attempts", sa.Column("refusal", sa.Text(), nullable=True))
    # refuse_change came with the first migration.
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON till_counts "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_column("payment_attempts", "refusal")
    op.drop_column("payment_attempts", "contract_number")
    op.drop_index("ix_till_payments_till_session_id", table_name="till_payments")
    op.drop_table("till_payments")
    op.drop_index("ix_till_counts_till_session_id", table_name="till_counts")
    op.drop_table("till_counts")
    op.drop_index(
        "uq_mandate_debits_open_bill",
        table_name="mandate_debits",
        postgresql_where=sa.text("status IN ('announced', 'ordered')"),
    )
    op.drop_index(
        "ix_mandate_debits_to_order", table_name="mandate_debits", postgresql_where=sa.text("status = 'announced'")
    )
    op.drop_index(
        "ix_mandate_debits_ordered", table_name="mandate_debits", postgresql_where=sa.text("status = 'ordered'")
    )
    op.drop_table("mandate_debits")
    op.drop_index(
        "uq_till_sessions_till", table_name="till_sessions", postgresql_where=sa.text("status IN ('open', 'counted')")
    )
    op.drop_index(
        "uq_till_sessions_clerk", table_name="till_sessions", postgresql_where=sa.text("status IN ('open', 'counted')")
    )
    op.drop_index("ix_till_sessions_organisation_id_id", table_name="till_sessions")
    op.drop_table("till_sessions")
    op.drop_index(
        "uq_mandates_account",
        table_name="mandates",
        postgresql_where=sa.text("status IN ('requested', 'active', 'suspended')"),
    )
    op.drop_index("ix_mandates_to_look", table_name="mandates", postgresql_where=sa.text("status = 'active'"))
    op.drop_index("ix_mandates_to_ask", table_name="mandates", postgresql_where=sa.text("ask_at IS NOT NULL"))
    op.drop_index("ix_mandates_person_id_id", table_name="mandates")
    op.drop_table("mandates")
    _allow_incidents(*_INCIDENTS)


def _allow_incidents(*kinds: str) -> None:
    name = op.f("ck_incidents_kind")
    op.drop_constraint(name, "incidents")
    op.create_check_constraint(name, "incidents", f"kind IN ({', '.join(map(repr, kinds))})")
