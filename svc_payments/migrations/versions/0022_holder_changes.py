"""Accounts change hands: the days between which a binding was its holder's."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account_bindings", sa.Column("held_from", sa.Date(), nullable=True))
    op.add_column("account_bindings", sa.Column("held_until", sa.Date(), nullable=True))
    op.create_index(
        "ix_account_bindings_former",
        "account_bindings",
        ["person_id"],
        postgresql_where=sa.text("held_until IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_account_bindings_former", table_name="account_bindings")
    op.drop_column("account_bindings", "held_until")
    op.drop_column("account_bindings", "held_from")
