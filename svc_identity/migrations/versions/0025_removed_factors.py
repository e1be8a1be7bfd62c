"""Sign-ins end with the factor that proved them."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_END_REASONS = ("revoked", "reuse", "code_reuse", "suspended")
_INDEXES = (("factors", "removed_at", "removed_at IS NOT NULL"), ("factor_resets", "decided_at", "status = 'approved'"))


def upgrade() -> None:
    _allow_end_reasons(*_END_REASONS, "factor_removed")
    for table, column, where in _INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column], postgresql_where=sa.text(where))


def downgrade() -> None:
    for table, column, _where in _INDEXES:
        op.drop_index(f"ix_{table}_{column}", table)
    op.execute("UPDATE token_families SET end_reason = 'revoked' WHERE end_reason = 'factor_removed'")
    _allow_end_reasons(*_END_REASONS)


def _allow_end_reasons(*reasons: str) -> None:
    name = op.f("ck_token_families_end_reason")
    op.drop_constraint(name, "token_families")
    op.create_check_constraint(name, "token_families", f"end_reason IN ({', '.join(map(repr, reasons))})")
