"""Providers declare how their account numbers look; those of before keep ten digits by MOD 11,10."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TEN_DIGITS = (
    '{"label":{"zh":"户号","en":"Account number","kk":"تۇتىنۋشى ٴنومىرى","ug":"ئابونت نومۇرى"},'
    '"pattern":"^[0-9]{10}$","min_length":10,"max_length":10,"check_rule":"mod_11_10","example":"1234567897"}'
)
_ACTIONS = ["suspend", "resume", "add_key", "end_key", "correct_endpoint"]


def upgrade() -> None:
    for table in ("provider_applications", "providers"):
        column = sa.Column("customer_parameters", postgresql.JSONB(), server_default=_TEN_DIGITS, nullable=False)
        op.add_column(table, column)
    _allow([*_ACTIONS, "declare_customer_parameters"])


def downgrade() -> None:
    _allow(_ACTIONS)
    for table in ("providers", "provider_applications"):
        op.drop_column(table, "customer_parameters")


def _allow(actions: list[str]) -> None:
    op.drop_constraint(op.f("ck_provider_changes_action"), "provider_changes")
    listed = ", ".join(f"'{action}'" for action in actions)
    op.create_check_constraint(op.f("ck_provider_changes_action"), "provider_changes", f"action IN ({listed})")
