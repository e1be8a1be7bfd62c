"""Browsers that a phone knows, whose codes are counted apart from those that strangers ask for."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "known_devices",
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("phone_index", "browser_hash", name=op.f("pk_known_devices")),
    )
    op.create_index(op.f("ix_known_devices_used_at"), "known_devices", ["used_at"])
    op.add_column("sent_codes", sa.Column("device_hash", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("sent_codes", "device_hash")
    op.drop_table("known_devices")
