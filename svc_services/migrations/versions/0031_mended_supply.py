"""Whose bills a notice is about."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_NOTICES = "arrears_notices"


def upgrade() -> None:
    op.add_column(_NOTICES, sa.Column("first_period", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column(_NOTICES, "first_period")
