"""What has ended before its tokens: sign-ins, and the access of suspended persons and clients."""

from kit.ended.migration import create_ended_access, drop_ended_access

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_ended_access()


def downgrade() -> None:
    drop_ended_access()
