"""Who holds which role, since when and by whose word."""

from kit.staff.migration import create_staff_roles, drop_staff_roles

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_staff_roles()


def downgrade() -> None:
    drop_staff_roles()
