"""Receipts to verify, e-invoices and reminders."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "receipt_codes",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["receipts.payment_id"], name=op.f("fk_receipt_codes_payment_id_receipts")
        ),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_receipt_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_receipt_codes_code_hash")),
    )
    # refuse_change came with the first migration.
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt_codes "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    _reminders()
    _e_invoices()


def _reminders() -> None:
    op.create_index("ix_bills_due_date_id", "bills", ["due_date", "id"], unique=False)
    op.create_index(
        "ix_account_bindings_of_account",
        "account_bindings",
        ["provider_id", "account_number"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "reminders",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("bill_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("compared_with", sa.Text(), nullable=True),
        sa.Column("usual_fen", sa.BigInteger(), nullable=True),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('due_soon', 'overdue', 'large_change')", name=op.f("ck_reminders_kind")),
        sa.CheckConstraint("compared_with IN ('last_year', 'last_months')", name=op.f("ck_reminders_compared_with")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.UniqueConstraint(
            "bill_id", "person_id", "kind", "stage", name=op.f("uq_reminders_bill_id_person_id_kind_stage")
        ),
    )
    op.create_index("ix_reminders_person_id_id", "reminders", ["person_id", "id"], unique=False)
    op.create_table(
        "reminder_runs",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("bill_id", sa.Uuid(), nullable=False),
        sa.Column("bills", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reminders", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_reminder_runs")),
    )
    op.create_table(
        "muted_reminders",
        sa.Column("binding_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("muted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('due_soon', 'overdue', 'large_change')", name=op.f("ck_muted_reminders_kind")),
        sa.ForeignKeyConstraint(
            ["binding_id"],
            ["account_bindings.binding_id"],
            name=op.f("fk_muted_reminders_binding_id_account_bindings"),
        ),
        sa.PrimaryKeyConstraint("binding_id", "kind", name=op.f("pk_muted_reminders")),
    )


def _e_invoices() -> None:
    op.create_table(
        "e_invoices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("refunded_fen", sa.BigInteger(), nullable=False),
        sa.Column("title_kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("invoice_number", sa.Text(), nullable=True),
        sa.Column("document_url", sa.Text(), nullable=True),
        sa.Column("red_invoice_number", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("red_lettered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('requested', 'unknown', 'issued', 'failed', 'reversing', 'red_lettered')",
            name=op.f("ck_e_invoices_status"),
        ),
        sa.CheckConstraint("title_kind IN ('personal', 'organisation')", name=op.f("ck_e_invoices_title_kind")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_e_invoices_amount_positive")),
        sa.CheckConstraint("(title_kind = 'organisation') = (uscc IS NOT NULL)", name=op.f("ck_e_invoices_uscc")),
        sa.CheckConstraint(
            "email IS NULL OR status IN ('requested', 'unknown')", name=op.f("ck_e_invoices_email_forgotten")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_e_invoices_payment_id_payments")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_e_invoices")),
    )
    op.create_index(
        "uq_e_invoices_in_force",
        "e_invoices",
        ["payment_id"],
        unique=True,
        postgresql_where=sa.text("status NOT IN ('failed', 'red_lettered')"),
    )
    op.create_index(
        "ix_e_invoices_due",
        "e_invoices",
        ["try_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('requested', 'unknown', 'reversing')"),
    )
    op.create_index("ix_e_invoices_person_id_id", "e_invoices", ["person_id", "id"], unique=False)


def downgrade() -> None:
    for table in ("e_invoices", "muted_reminders", "reminder_runs", "reminders"):
        op.drop_table(table)
    op.drop_index("ix_account_bindings_of_account", "account_bindings")
    op.drop_index("ix_bills_due_date_id", "bills")
    op.drop_table("receipt_codes")
