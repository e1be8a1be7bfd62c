"""Providers may be suspended, and some of their keys ended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("providers", sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
    op.add_column("providers", sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "providers", sa.Column("ended_keys", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )


def downgrade() -> None:
    for column in ("ended_keys", "suspended_at", "revision"):
        op.drop_column("providers", column)
