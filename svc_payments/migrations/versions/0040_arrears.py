"""Arrears."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "arrears",
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("bill_numbers", ARRAY(sa.Text()), nullable=False),
        sa.Column("outstanding_fen", sa.BigInteger(), nullable=True),
        sa.Column("being_paid", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("unknown_bills", sa.Integer(), server_default="0", nullable=False),
        sa.Column("overdue_since", sa.Date(), nullable=True),
        sa.Column("told", sa.Integer(), server_default="0", nullable=False),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_arrears")),
    )
    op.create_index(
        "ix_arrears_followed", "arrears", ["notice_id"], unique=False, postgresql_where=sa.text("closed_at IS NULL")
    )


def downgrade() -> None:
    op.drop_table("arrears")
