"""Tokens bound to keys, devices that sign in elsewhere."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("dpop_required", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("authorization_codes", sa.Column("dpop_jkt", sa.Text))
    op.add_column("token_families", sa.Column("proof_key", sa.Text))


def downgrade() -> None:
    op.drop_column("token_families", "proof_key")
    op.drop_column("authorization_codes", "dpop_jkt")
    op.drop_column("clients", "dpop_required")
