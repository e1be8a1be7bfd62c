"""Organisations have agents, their clients several keys."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("keys_fetched", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("clients", sa.Column("key_unknown_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for column in ("key_unknown_at", "keys_fetched"):
        op.drop_column("clients", column)
