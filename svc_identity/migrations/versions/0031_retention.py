"""The oldest reads are found by their time: the job of retention looks for them every hour."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_data_reads_read_at", "data_reads", ["read_at"])


def downgrade() -> None:
    op.drop_index("ix_data_reads_read_at", "data_reads")
