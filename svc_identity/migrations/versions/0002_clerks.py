"""Clerks of one-stop counters, and the supervisors of their tills."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROLES = ("operator", "auditor", "reviewer", "county_team")
_CLERKS = ("clerk", "till_supervisor")


def upgrade() -> None:
    _allow((*_ROLES, *_CLERKS))


def downgrade() -> None:
    op.execute(f"DELETE FROM memberships WHERE role IN {_CLERKS}")  # noqa: S608 - our own names
    _allow(_ROLES)


def _allow(roles: tuple[str, ...]) -> None:
    name = op.f("ck_memberships_role")
    op.drop_constraint(name, "memberships", type_="check")
    op.create_check_constraint(name, "memberships", f"role IN {roles}")
