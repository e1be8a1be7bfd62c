"""Further payment channels: how an order is paid where there is a choice, and with what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("payment_attempts", sa.Column("method", sa.Text()))
    op.add_column("payment_attempts", sa.Column("pay_parameters", postgresql.JSONB(none_as_null=True)))


def downgrade() -> None:
    op.drop_column("payment_attempts", "pay_parameters")
    op.drop_column("payment_attempts", "method")
