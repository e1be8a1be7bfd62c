"""Pushed authorization requests that have led to a code."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "used_requests",
        sa.Column("reference_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("reference_hash", name=op.f("pk_used_requests")),
    )
    op.create_index(op.f("ix_used_requests_used_at"), "used_requests", ["used_at"])


def downgrade() -> None:
    op.drop_table("used_requests")
