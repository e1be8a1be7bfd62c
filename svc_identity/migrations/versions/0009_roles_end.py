"""Every role ends: a year after it was granted, or on the day that was asked for; renewed by another change."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Roles from before get a whole year from now on, so that none ends without a reminder.
    a_year_from_now = sa.text("now() + interval '365 days'")
    ends = sa.Column("expires_at", sa.DateTime(timezone=True), server_default=a_year_from_now, nullable=False)
    op.add_column("memberships", ends)
    op.alter_column("memberships", "expires_at", server_default=None)
    op.add_column("memberships", sa.Column("reminders", sa.SmallInteger(), server_default="0", nullable=False))
    op.create_index(
        "ix_memberships_expires_at", "memberships", ["expires_at"], postgresql_where=sa.text("ended_at IS NULL")
    )
    op.add_column("role_changes", sa.Column("until", sa.Date(), nullable=True))
    _allow("grant", "removal", "renewal", "expiry")


def downgrade() -> None:
    _allow("grant", "removal")
    op.drop_column("role_changes", "until")
    op.drop_index("ix_memberships_expires_at", table_name="memberships")
    op.drop_column("memberships", "reminders")
    op.drop_column("memberships", "expires_at")


def _allow(*actions: str) -> None:
    name = op.f("ck_role_changes_action")
    op.drop_constraint(name, "role_changes")
    op.create_check_constraint(name, "role_changes", f"action IN ({', '.join(map(repr, actions))})")
