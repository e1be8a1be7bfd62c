"""The days of people invited to an account."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_COLUMNS = ("starts_on", "access_until")


def upgrade() -> None:
    for column in _COLUMNS:
        op.add_column("account_bindings", sa.Column(column, sa.Date(), nullable=True))


def downgrade() -> None:
    for column in _COLUMNS:
        op.drop_column("account_bindings", column)
