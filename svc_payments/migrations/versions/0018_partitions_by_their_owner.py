"""Partitions of bills are made with their owner's rights, as the service owns no table."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_FUNCTION = "FUNCTION ensure_bill_partitions(date, date)"


def upgrade() -> None:
    # A fixed search path: whoever calls it cannot put a table of their own before ours.
    op.execute(f"ALTER {_FUNCTION} SECURITY DEFINER SET search_path = public, pg_temp")
    op.execute(f"REVOKE EXECUTE ON {_FUNCTION} FROM PUBLIC")


def downgrade() -> None:
    op.execute(f"GRANT EXECUTE ON {_FUNCTION} TO PUBLIC")
    op.execute(f"ALTER {_FUNCTION} SECURITY INVOKER RESET search_path")
