"""Clients follow the connection of their provider: suspended or not, at a revision. Providers report holders."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
    op.add_column("clients", sa.Column("suspended", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.execute("UPDATE clients SET scopes = array_append(scopes, 'accounts:write') WHERE jwks IS NOT NULL")


def downgrade() -> None:
    op.execute("UPDATE clients SET scopes = array_remove(scopes, 'accounts:write')")
    op.drop_column("clients", "suspended")
    op.drop_column("clients", "revision")
