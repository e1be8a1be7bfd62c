"""Bill numbers that a spreadsheet may have changed, and rows that a workbook hides."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_REASONS = (
    *("wrong_column_count", "bad_bill_number", "bad_account_number", "bad_account_check_digit", "bad_period"),
    *("future_period", "bad_usage", "bad_amount", "amount_not_positive", "amount_too_large", "bad_due_date"),
    *("bad_meter_reading", "bad_expiry", "bad_supersedes", "bad_reason", "bad_note", "merged_cells", "value_changed"),
    *("formula_without_value", "duplicate_in_file", "bill_already_paid", "bill_partly_paid", "payment_in_progress"),
    *("bill_void", "bill_expired", "bill_superseded", "bill_number_reserved", "superseded_unknown"),
    "superseded_not_due",
)
_NEW = "similar_bill_number"


def upgrade() -> None:
    _allow(*_REASONS, _NEW)
    op.add_column("bill_files", sa.Column("hidden_rows", sa.Integer(), server_default="0", nullable=False))
    op.create_index(
        "ix_bill_numbers_similar",
        "bill_numbers",
        ["provider_id", sa.text("upper(ltrim(bill_number, '0'))")],
        unique=False,
        postgresql_where=sa.text("bill_number <> upper(ltrim(bill_number, '0'))"),
    )


def downgrade() -> None:
    op.drop_index("ix_bill_numbers_similar", table_name="bill_numbers")
    op.drop_column("bill_files", "hidden_rows")
    op.execute("DELETE FROM refused_rows WHERE reason = 'similar_bill_number'")
    _allow(*_REASONS)


def _allow(*reasons: str) -> None:
    listed = ", ".join(repr(reason) for reason in reasons)
    op.drop_constraint(op.f("ck_refused_rows_reason"), "refused_rows")
    op.create_check_constraint(op.f("ck_refused_rows_reason"), "refused_rows", f"reason IN ({listed})")
