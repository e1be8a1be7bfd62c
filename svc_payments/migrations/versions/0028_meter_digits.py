"""Meters that begin again at 0."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_TABLES = ("bills", "bill_versions")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("meter_digits", sa.SmallInteger(), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "meter_digits")
