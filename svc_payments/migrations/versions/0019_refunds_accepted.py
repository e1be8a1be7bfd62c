"""Refunds that a channel accepted and could not deliver, and statement lines that say no more than that."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_STATUSES = (
    *("requested", "proposed", "unbooking", "booking_kept", "started", "refunding", "unknown", "at_counter"),
    *("by_transfer", "refunded", "failed", "retried", "rejected"),
)
_STATES = ("done", "open", "failed")


def upgrade() -> None:
    _allow("refunds", "status", *_STATUSES, "abnormal")
    _allow("statement_lines", "state", *_STATES, "accepted")
    op.create_index(
        "ix_statement_lines_accepted",
        "statement_lines",
        ["number"],
        unique=False,
        postgresql_where=sa.text("state = 'accepted'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_statement_lines_accepted", table_name="statement_lines", postgresql_where=sa.text("state = 'accepted'")
    )
    op.execute("UPDATE statement_lines SET state = 'open' WHERE state = 'accepted'")
    _allow("statement_lines", "state", *_STATES)
    op.execute("UPDATE refunds SET status = 'unknown' WHERE status = 'abnormal'")
    _allow("refunds", "status", *_STATUSES)


def _allow(table: str, column: str, *values: str) -> None:
    """Change which values a column may have."""
    listed = ", ".join(repr(value) for value in values)
    op.drop_constraint(op.f(f"ck_{table}_{column}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{column}"), table, f"{column} IN ({listed})")
