"""Rows of bill files can be refused for their details of usage."""

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_BEFORE = [
    *("wrong_column_count", "bad_bill_number", "bad_account_number", "bad_account_check_digit", "bad_period"),
    *("future_period", "bad_usage", "bad_amount", "amount_not_positive", "amount_too_large", "bad_due_date"),
    *("bad_meter_reading", "bad_expiry", "bad_supersedes", "bad_reason", "bad_note", "duplicate_in_file"),
    *("bill_already_paid", "bill_partly_paid", "payment_in_progress", "bill_void", "bill_expired"),
    *("bill_superseded", "bill_number_reserved", "superseded_unknown", "superseded_not_due", "merged_cells"),
    *("value_changed", "formula_without_value", "similar_bill_number", "bad_tariff"),
]


def upgrade() -> None:
    _allow([*_BEFORE, "bad_usage_details"])


def downgrade() -> None:
    """Back to the reasons before; refused by the check once a row was refused for this one."""
    _allow(_BEFORE)


def _allow(reasons: list[str]) -> None:
    op.drop_constraint(op.f("ck_refused_rows_reason"), "refused_rows")
    listed = ", ".join(f"'{reason}'" for reason in reasons)
    op.create_check_constraint(op.f("ck_refused_rows_reason"), "refused_rows", f"reason IN ({listed})")
