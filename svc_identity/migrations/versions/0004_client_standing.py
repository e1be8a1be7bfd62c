"""Clients follow the connection of their provider: suspended or not, at a revision."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
    op.add_column("clients", sa.Column("suspended", sa.Boolean(), server_default=sa.text("false"), nullable=False))


def downgrade() -> None:
    op.drop_column("clients", "suspended")
    op.drop_column("clients", "revision")
