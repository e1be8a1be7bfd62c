"""Reads are found by their time for the job of retention, and which key signed when is kept for auditors."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, without

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_SEALED = (SealedTable("signing_key_terms", without("seen_at")),)


def upgrade() -> None:
    op.create_index("ix_data_reads_read_at", "data_reads", ["read_at"])
    op.create_table(
        "signing_key_terms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("jwk", postgresql.JSONB(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_key_terms")),
    )
    op.create_index("ix_signing_key_terms_kid_began_at", "signing_key_terms", ["kid", "began_at"])
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_table("signing_key_terms")
    op.drop_index("ix_data_reads_read_at", "data_reads")
