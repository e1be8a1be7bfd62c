"""Keys of mini-apps' servers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLES = ("client_requests", "app_clients")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("jwks", JSONB(), nullable=True))
        op.create_check_constraint(
            op.f(f"ck_{table}_keys_or_addresses"), table, "jwks IS NOT NULL OR redirect_uris <> '{}'"
        )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_constraint(op.f(f"ck_{table}_keys_or_addresses"), table)
        op.drop_column(table, "jwks")
