"""Roles hold in a division."""

from kit.staff.migration import add_divisions, drop_divisions

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_divisions()


def downgrade() -> None:
    drop_divisions()
