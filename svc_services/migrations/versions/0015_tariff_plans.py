"""Tariffs of components: proposed by companies, published by operators."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLE = "tariff_plans"
_SEALED = (SealedTable(_TABLE),)
_CHECKS = {
    "status": "status IN ('proposed', 'published', 'refused', 'withdrawn')",
    "decided": "num_nulls(decided_by, decided_at) <> 1",
    "by_operator": "status NOT IN ('published', 'refused') OR decided_by IS NOT NULL",
    "refusal_reason": "(status = 'refused') = (refusal_reason IS NOT NULL)",
    "version": "status <> 'published' OR version IS NOT NULL",
    "withdrawn": "(status = 'withdrawn') = (withdrawn_at IS NOT NULL)",
}


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "customer_class", "code")),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("basis_document", sa.Text(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("search_words", "status")),
        *(sa.Column(name, sa.Uuid(), nullable=True) for name in ("replaces", "replaced_by", "decided_by")),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=True) for name in ("decided_at", "withdrawn_at")),
        sa.Column("refusal_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_tariff_plans_{name}")) for name, rule in _CHECKS.items()),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_tariff_plans_provider_id_providers")),
        sa.ForeignKeyConstraint(["kind"], ["utility_kinds.kind"], name=op.f("fk_tariff_plans_kind_utility_kinds")),
        sa.ForeignKeyConstraint(["replaces"], ["tariff_plans.id"], name=op.f("fk_tariff_plans_replaces_tariff_plans")),
        sa.ForeignKeyConstraint(
            ["replaced_by"], ["tariff_plans.id"], name=op.f("fk_tariff_plans_replaced_by_tariff_plans")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_plans")),
        sa.UniqueConstraint("provider_id", "customer_class", "code", "version", name="uq_tariff_plans_version"),
    )
    op.create_index(
        "uq_tariff_plans_date",
        _TABLE,
        ["provider_id", "customer_class", "code", "effective_from"],
        unique=True,
        postgresql_where=sa.text("status = 'published'"),
    )
    op.create_index(op.f("ix_tariff_plans_status_id"), _TABLE, ["status", "id"])
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_table(_TABLE)
