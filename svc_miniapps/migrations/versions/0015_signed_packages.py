"""Signatures of the platform over packages."""

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_NEW = (SealedTable("package_signatures", key=f"{ROW}.package_id::text"),)


def upgrade() -> None:
    op.create_table(
        "package_signatures",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.Column("signed_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["package_id"], ["packages.id"], name=op.f("fk_package_signatures_package_id_packages")
        ),
        sa.PrimaryKeyConstraint("package_id", name=op.f("pk_package_signatures")),
    )
    extend_trail(_NEW)


def downgrade() -> None:
    shorten_trail(_NEW)
    op.drop_table("package_signatures")
