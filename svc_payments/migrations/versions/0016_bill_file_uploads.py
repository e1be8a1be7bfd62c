"""Reasons of spreadsheets; uploads of bill files that go on where they were cut."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_BEFORE = [
    "wrong_column_count",
    "bad_bill_number",
    "bad_account_number",
    "bad_account_check_digit",
    "bad_period",
    "future_period",
    "bad_usage",
    "bad_amount",
    "amount_not_positive",
    "amount_too_large",
    "bad_due_date",
    "bad_meter_reading",
    "bad_expiry",
    "bad_supersedes",
    "bad_reason",
    "bad_note",
    "duplicate_in_file",
    "bill_already_paid",
    "bill_partly_paid",
    "payment_in_progress",
    "bill_void",
    "bill_expired",
    "bill_superseded",
    "bill_number_reserved",
    "superseded_unknown",
    "superseded_not_due",
]
_OF_SPREADSHEETS = ["merged_cells", "value_changed", "formula_without_value"]


def upgrade() -> None:
    _allow([*_BEFORE, *_OF_SPREADSHEETS])
    op.create_table(
        "bill_file_uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("length", sa.BigInteger(), nullable=True),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("appender", sa.Uuid(), nullable=True),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("bill_file_id", sa.Uuid(), nullable=True),
        sa.Column("refusal", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status IN ('receiving', 'received', 'taken_in', 'refused')", name=op.f("ck_bill_file_uploads_status")
        ),
        sa.CheckConstraint(
            "received >= 0 AND received <= coalesce(length, received)", name=op.f("ck_bill_file_uploads_within_length")
        ),
        sa.CheckConstraint("status = 'receiving' OR length = received", name=op.f("ck_bill_file_uploads_whole")),
        sa.CheckConstraint(
            "(status = 'taken_in') = (bill_file_id IS NOT NULL)", name=op.f("ck_bill_file_uploads_taken_in_with_report")
        ),
        sa.CheckConstraint(
            "(status = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_bill_file_uploads_refused_with_reason")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.provider_id"], name=op.f("fk_bill_file_uploads_provider_id_providers")
        ),
        sa.ForeignKeyConstraint(
            ["bill_file_id"], ["bill_files.id"], name=op.f("fk_bill_file_uploads_bill_file_id_bill_files")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bill_file_uploads")),
    )
    op.create_index("ix_bill_file_uploads_provider_id_id", "bill_file_uploads", ["provider_id", "id"])
    op.create_index(
        "ix_bill_file_uploads_unfinished",
        "bill_file_uploads",
        ["touched_at"],
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        "ix_bill_file_uploads_finished",
        "bill_file_uploads",
        ["finished_at"],
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    )
    op.create_table(
        "bill_file_upload_parts",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("begins_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(content) > 0", name=op.f("ck_bill_file_upload_parts_content")),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["bill_file_uploads.id"],
            name=op.f("fk_bill_file_upload_parts_upload_id_bill_file_uploads"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("upload_id", "begins_at", name=op.f("pk_bill_file_upload_parts")),
    )
    # Many are gzip or workbooks, and none is read more than once: packing them would only cost.
    op.execute("ALTER TABLE bill_file_upload_parts ALTER COLUMN content SET STORAGE EXTERNAL")


def _allow(reasons: list[str]) -> None:
    listed = ", ".join(f"'{reason}'" for reason in reasons)
    op.drop_constraint(op.f("ck_refused_rows_reason"), "refused_rows")
    op.create_check_constraint(op.f("ck_refused_rows_reason"), "refused_rows", f"reason IN ({listed})")


def downgrade() -> None:
    op.drop_table("bill_file_upload_parts")
    op.drop_table("bill_file_uploads")
    op.execute("DELETE FROM refused_rows WHERE reason IN ('merged_cells', 'value_changed', 'formula_without_value')")
    _allow(_BEFORE)
