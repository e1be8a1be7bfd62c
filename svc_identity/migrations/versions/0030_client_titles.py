"""A mini-app is named where people are asked what it may have."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("title", sa.Text()))


def downgrade() -> None:
    op.drop_column("clients", "title")
