"""Whose bills a notice is about, and what was due of them when it was checked."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_NOTICES = "arrears_notices"


def upgrade() -> None:
    op.add_column(_NOTICES, sa.Column("first_period", sa.Date(), nullable=True))
    op.add_column(_NOTICES, sa.Column("cut_off_check", sa.Uuid(), nullable=True))
    op.add_column(_NOTICES, sa.Column("cut_off_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(_NOTICES, sa.Column("checked_fen", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for name in ("checked_fen", "cut_off_asked_at", "cut_off_check"):
        op.drop_column(_NOTICES, name)
    op.drop_column(_NOTICES, "first_period")
