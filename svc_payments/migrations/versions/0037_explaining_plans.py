"""Tariff plans that explain bills, and what a bill says of its usage."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tariff_plans",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("tariff_id", "provider_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("customer_class", "code")),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("measures", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tariff_id", name=op.f("pk_tariff_plans")),
    )
    op.create_index(
        op.f("ix_tariff_plans_provider_id_effective_from"), "tariff_plans", ["provider_id", "effective_from"]
    )
    op.add_column("bills", sa.Column("usage_details", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("bills", "usage_details")
    op.drop_table("tariff_plans")
