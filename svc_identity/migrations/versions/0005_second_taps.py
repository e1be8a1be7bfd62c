"""Where a finished sign-in sent the browser, for the second of two taps."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sign_ins", sa.Column("answer", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("sign_ins", "answer")
