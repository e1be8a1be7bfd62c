"""Applications that nobody proved are counted by network address."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLE = "application_attempts"


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_attempts")),
    )
    op.create_index("ix_application_attempts_line_attempted_at", _TABLE, ["line", "attempted_at"])
    op.create_index(op.f("ix_application_attempts_attempted_at"), _TABLE, ["attempted_at"])


def downgrade() -> None:
    op.drop_table(_TABLE)
