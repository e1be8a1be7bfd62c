"""Keys of companies end at a time that is stated, and warnings come before."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ACTIONS = ["suspend", "resume", "add_key", "end_key", "correct_endpoint", "declare_customer_parameters"]


def upgrade() -> None:
    _allow([*_ACTIONS, "limit_key"])
    op.create_table(
        "key_warnings",
        sa.Column("thumbprint", sa.Text(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("days_before", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("thumbprint", "valid_until", "days_before", name=op.f("pk_key_warnings")),
    )


def downgrade() -> None:
    op.drop_table("key_warnings")
    _allow(_ACTIONS)


def _allow(actions: list[str]) -> None:
    op.drop_constraint(op.f("ck_provider_changes_action"), "provider_changes")
    listed = ", ".join(f"'{action}'" for action in actions)
    op.create_check_constraint(op.f("ck_provider_changes_action"), "provider_changes", f"action IN ({listed})")
