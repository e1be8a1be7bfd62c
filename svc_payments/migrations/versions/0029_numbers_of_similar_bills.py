"""The number of the known bill that a refused row is like."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refused_rows", sa.Column("other_number", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("refused_rows", "other_number")
