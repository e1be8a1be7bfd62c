"""Refunds that another one made needless are superseded; working days that operators have changed."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_BEFORE = [
    *("requested", "proposed", "unbooking", "booking_kept", "started", "refunding", "unknown", "abnormal"),
    *("at_counter", "by_transfer", "refunded", "failed", "retried", "rejected"),
]


def upgrade() -> None:
    _allow([*_BEFORE, "superseded"])
    op.create_table(
        "changed_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_changed_days")),
    )


def downgrade() -> None:
    """Back to the statuses before: such a refund was rejected."""
    op.drop_table("changed_days")
    op.execute("UPDATE refunds SET status = 'rejected' WHERE status = 'superseded'")
    _allow(_BEFORE)


def _allow(statuses: list[str]) -> None:
    op.drop_constraint(op.f("ck_refunds_status"), "refunds")
    listed = ", ".join(f"'{status}'" for status in statuses)
    op.create_check_constraint(op.f("ck_refunds_status"), "refunds", f"status IN ({listed})")
