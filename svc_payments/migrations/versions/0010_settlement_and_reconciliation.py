"""Settlement and reconciliation: statements, runs and their findings, cases, settlements and what is paid for them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ONLY_ADDED_TO = ("case_entries",)

_SETTLED_IS_FINAL = (
    """
    CREATE FUNCTION refuse_change_of_settled_line() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a settled line is final' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    # The fee of a line is counted just after it is taken into its settlement; nothing else of it ever changes again.
    """
    CREATE TRIGGER settled_is_final BEFORE UPDATE ON settlement_lines FOR EACH ROW
    WHEN (
        OLD.settlement_id IS NOT NULL
        AND (OLD.fee_fen <> 0 OR (OLD.transfer_id, OLD.provider_id, OLD.kind, OLD.amount_fen, OLD.settlement_id)
            IS DISTINCT FROM (NEW.transfer_id, NEW.provider_id, NEW.kind, NEW.amount_fen, NEW.settlement_id))
    ) EXECUTE FUNCTION refuse_change_of_settled_line()
    """,
    """
    CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON settlement_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("movement", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("statement_fen", sa.BigInteger(), nullable=True),
        sa.Column("ledger_fen", sa.BigInteger(), nullable=True),
        sa.Column("difference_fen", sa.BigInteger(), nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("owner_role", sa.Text(), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'closed') = (resolution IS NOT NULL)", name=op.f("ck_cases_closed_with_resolution")
        ),
        sa.CheckConstraint("movement IN ('payment', 'refund', 'posting')", name=op.f("ck_cases_movement")),
        sa.CheckConstraint("resolution IN ('resolved', 'settled', 'written_off')", name=op.f("ck_cases_resolution")),
        sa.CheckConstraint(
            "result IN ('excess', 'shortage', 'amount_differs', 'state_differs')", name=op.f("ck_cases_result")
        ),
        sa.CheckConstraint("source IN ('channel', 'provider')", name=op.f("ck_cases_source")),
        sa.CheckConstraint("status IN ('open', 'proposed', 'closed')", name=op.f("ck_cases_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    op.create_index("ix_cases_due", "cases", ["due_at"], unique=False, postgresql_where=sa.text("status <> 'closed'"))
    op.create_index(op.f("ix_cases_reference_id"), "cases", ["reference_id"], unique=False)
    op.create_index(op.f("ix_cases_source_holder_day"), "cases", ["source", "holder", "day"], unique=False)
    op.create_index(
        "uq_cases_unclosed",
        "cases",
        ["source", "holder", "number", "transaction_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'closed'"),
    )
    op.create_table(
        "statement_lines",
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("movement", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("fee_millifen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.CheckConstraint("movement IN ('payment', 'refund', 'posting')", name=op.f("ck_statement_lines_movement")),
        sa.CheckConstraint("state IN ('done', 'open', 'failed')", name=op.f("ck_statement_lines_state")),
        sa.PrimaryKeyConstraint("statement_id", "number", "transaction_id", name=op.f("pk_statement_lines")),
    )
    op.create_table(
        "statements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("in_fen", sa.BigInteger(), nullable=False),
        sa.Column("out_fen", sa.BigInteger(), nullable=False),
        sa.Column("fee_fen", sa.BigInteger(), nullable=False),
        sa.Column("received_from", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("settled_at IS NULL OR source = 'channel'", name=op.f("ck_statements_only_channels_settle")),
        sa.CheckConstraint("source IN ('channel', 'provider')", name=op.f("ck_statements_source")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statements")),
        sa.UniqueConstraint("source", "holder", "day", "version", name=op.f("uq_statements_source_holder_day_version")),
    )
    op.create_index(
        "uq_statements_settled_day",
        "statements",
        ["source", "holder", "day"],
        unique=True,
        postgresql_where=sa.text("settled_at IS NOT NULL"),
    )
    op.create_table(
        "transfer_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("transfers", sa.Integer(), nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("generated_by", sa.Text(), nullable=False),
        sa.Column("sent_by", sa.Text(), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('generated', 'sent', 'confirmed')", name=op.f("ck_transfer_files_state")),
        sa.CheckConstraint("sent_by <> generated_by", name=op.f("ck_transfer_files_two_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_files")),
        sa.UniqueConstraint("number", name=op.f("uq_transfer_files_number")),
    )
    op.create_table(
        "case_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "act IN ('opened', 'handed_over', 'commented', 'write_off_proposed', 'write_off_refused', 'closed')",
            name=op.f("ck_case_entries_act"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_entries_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_entries")),
    )
    op.create_index(op.f("ix_case_entries_case_id_id"), "case_entries", ["case_id", "id"], unique=False)
    op.create_table(
        "reconciliation_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("statement_id", sa.Uuid(), nullable=True),
        sa.Column("lines", sa.Integer(), server_default="0", nullable=False),
        sa.Column("movements", sa.Integer(), server_default="0", nullable=False),
        sa.Column("matched", sa.Integer(), server_default="0", nullable=False),
        sa.Column("late", sa.Integer(), server_default="0", nullable=False),
        sa.Column("carried_over", sa.Integer(), server_default="0", nullable=False),
        sa.Column("excess", sa.Integer(), server_default="0", nullable=False),
        sa.Column("shortage", sa.Integer(), server_default="0", nullable=False),
        sa.Column("amount_differs", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state_differs", sa.Integer(), server_default="0", nullable=False),
        sa.Column("difference_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cases_opened", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cases_resolved", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "phase IN ('requested', 'matching', 'judging', 'settling', 'finished', 'failed')",
            name=op.f("ck_reconciliation_runs_phase"),
        ),
        sa.CheckConstraint("source IN ('channel', 'provider')", name=op.f("ck_reconciliation_runs_source")),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statements.id"], name=op.f("fk_reconciliation_runs_statement_id_statements")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_runs")),
    )
    op.create_index(
        "ix_reconciliation_runs_requested",
        "reconciliation_runs",
        ["id"],
        unique=False,
        postgresql_where=sa.text("phase = 'requested'"),
    )
    op.create_index(
        op.f("ix_reconciliation_runs_source_holder_day"),
        "reconciliation_runs",
        ["source", "holder", "day"],
        unique=False,
    )
    op.create_table(
        "settlements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("bookings", sa.Integer(), nullable=False),
        sa.Column("booked_fen", sa.BigInteger(), nullable=False),
        sa.Column("returned_fen", sa.BigInteger(), nullable=False),
        sa.Column("fee_fen", sa.BigInteger(), nullable=False),
        sa.Column("payable_fen", sa.BigInteger(), nullable=False),
        sa.Column("held_bookings", sa.Integer(), nullable=False),
        sa.Column("held_fen", sa.BigInteger(), nullable=False),
        sa.Column("transfer_file_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('closed', 'instructed', 'sent', 'confirmed')", name=op.f("ck_settlements_status")
        ),
        sa.CheckConstraint("payable_fen = booked_fen - returned_fen - fee_fen", name=op.f("ck_settlements_adds_up")),
        sa.CheckConstraint("payable_fen >= 0 AND fee_fen >= 0", name=op.f("ck_settlements_not_negative")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.provider_id"], name=op.f("fk_settlements_provider_id_providers")
        ),
        sa.ForeignKeyConstraint(
            ["transfer_file_id"], ["transfer_files.id"], name=op.f("fk_settlements_transfer_file_id_transfer_files")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlements")),
        sa.UniqueConstraint("provider_id", "day", name=op.f("uq_settlements_provider_id_day")),
    )
    op.create_index(
        "ix_settlements_to_pay", "settlements", ["id"], unique=False, postgresql_where=sa.text("status = 'closed'")
    )
    op.create_index(op.f("ix_settlements_transfer_file_id"), "settlements", ["transfer_file_id"], unique=False)
    op.create_table(
        "reconciliation_findings",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("movement", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("statement_fen", sa.BigInteger(), nullable=True),
        sa.Column("statement_state", sa.Text(), nullable=True),
        sa.Column("statement_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ledger_fen", sa.BigInteger(), nullable=True),
        sa.Column("ledger_state", sa.Text(), nullable=True),
        sa.Column("ledger_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("difference_fen", sa.BigInteger(), nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "movement IN ('payment', 'refund', 'posting')", name=op.f("ck_reconciliation_findings_movement")
        ),
        sa.CheckConstraint(
            "result IN ('late', 'carried_over', 'excess', 'shortage', 'amount_differs', 'state_differs')",
            name=op.f("ck_reconciliation_findings_result"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["reconciliation_runs.id"], name=op.f("fk_reconciliation_findings_run_id_reconciliation_runs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_findings")),
        sa.UniqueConstraint(
            "run_id", "number", "transaction_id", name=op.f("uq_reconciliation_findings_run_id_number_transaction_id")
        ),
    )
    op.create_table(
        "settlement_lines",
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("fee_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settlement_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["settlement_id"], ["settlements.id"], name=op.f("fk_settlement_lines_settlement_id_settlements")
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["ledger_transfers.id"], name=op.f("fk_settlement_lines_transfer_id_ledger_transfers")
        ),
        sa.PrimaryKeyConstraint("transfer_id", name=op.f("pk_settlement_lines")),
    )
    op.create_index(op.f("ix_settlement_lines_payment_id"), "settlement_lines", ["payment_id"], unique=False)
    op.create_index(
        op.f("ix_settlement_lines_settlement_id_transfer_id"),
        "settlement_lines",
        ["settlement_id", "transfer_id"],
        unique=False,
    )
    op.create_index(
        "ix_settlement_lines_unsettled",
        "settlement_lines",
        ["provider_id", "moved_at"],
        unique=False,
        postgresql_where=sa.text("settlement_id IS NULL"),
    )
    op.create_index(
        "ix_ledger_transfers_created_at", "ledger_transfers", ["created_at"], unique=False, postgresql_using="brin"
    )
    op.create_index(
        "ix_payment_attempts_channel_paid_at",
        "payment_attempts",
        ["channel", "paid_at"],
        unique=False,
        postgresql_where=sa.text("paid_at IS NOT NULL"),
    )
    op.create_index(
        "ix_refunds_refunded_at",
        "refunds",
        ["refunded_at"],
        unique=False,
        postgresql_where=sa.text("refunded_at IS NOT NULL"),
    )
    for table in _ONLY_ADDED_TO:
        # refuse_change came with the first migration.
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    for statement in _SETTLED_IS_FINAL:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_refunds_refunded_at", table_name="refunds", postgresql_where=sa.text("refunded_at IS NOT NULL"))
    op.drop_index(
        "ix_payment_attempts_channel_paid_at",
        table_name="payment_attempts",
        postgresql_where=sa.text("paid_at IS NOT NULL"),
    )
    op.drop_index("ix_ledger_transfers_created_at", table_name="ledger_transfers", postgresql_using="brin")
    op.drop_index(
        "ix_settlement_lines_unsettled",
        table_name="settlement_lines",
        postgresql_where=sa.text("settlement_id IS NULL"),
    )
    op.drop_index(op.f("ix_settlement_lines_settlement_id_transfer_id"), table_name="settlement_lines")
    op.drop_index(op.f("ix_settlement_lines_payment_id"), table_name="settlement_lines")
    op.drop_table("settlement_lines")
    op.drop_table("reconciliation_findings")
    op.drop_index(op.f("ix_settlements_transfer_file_id"), table_name="settlements")
    op.drop_index("ix_settlements_to_pay", table_name="settlements", postgresql_where=sa.text("status = 'closed'"))
    op.drop_table("settlements")
    op.drop_index(op.f("ix_reconciliation_runs_source_holder_day"), table_name="reconciliation_runs")
    op.drop_index(
        "ix_reconciliation_runs_requested",
        table_name="reconciliation_runs",
        postgresql_where=sa.text("phase = 'requested'"),
    )
    op.drop_table("reconciliation_runs")
    op.drop_index(op.f("ix_case_entries_case_id_id"), table_name="case_entries")
    op.drop_table("case_entries")
    op.drop_table("transfer_files")
    op.drop_index(
        "uq_statements_settled_day", table_name="statements", postgresql_where=sa.text("settled_at IS NOT NULL")
    )
    op.drop_table("statements")
    op.drop_table("statement_lines")
    op.drop_index("uq_cases_unclosed", table_name="cases", postgresql_where=sa.text("status <> 'closed'"))
    op.drop_index(op.f("ix_cases_source_holder_day"), table_name="cases")
    op.drop_index(op.f("ix_cases_reference_id"), table_name="cases")
    op.drop_index("ix_cases_due", table_name="cases", postgresql_where=sa.text("status <> 'closed'"))
    op.drop_table("cases")
    op.execute("DROP FUNCTION refuse_change_of_settled_line")
