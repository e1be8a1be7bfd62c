"""Service items and their guides."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TABLE = "service_items"
_SEALED = (SealedTable(_TABLE),)
_LINE = ("provider_id", "utility_kind", "application_kind", "division_code")
_CHECKS = {
    "status": "status IN ('proposed', 'published', 'refused', 'replaced', 'withdrawn')",
    "by_operator": "status NOT IN ('refused') OR decided_by IS NOT NULL",
    "second_person": "decided_by <> proposed_by",
    "refusal_reason": "(status = 'refused') = (refusal_reason IS NOT NULL)",
    "version": "status NOT IN ('published', 'replaced') OR version IS NOT NULL",
    "ended": "(status IN ('replaced', 'withdrawn')) = (ended_at IS NOT NULL)",
}


def upgrade() -> None:
    op.create_table(
        _TABLE,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("utility_kind", "application_kind")),
        sa.Column("division_code", sa.Text(), nullable=True),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("search_words", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("workflow_version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal_reason", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_by", sa.Uuid(), nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_service_items_{name}")) for name, rule in _CHECKS.items()),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_service_items_provider_id_providers")),
        sa.ForeignKeyConstraint(
            ["utility_kind"], ["utility_kinds.kind"], name=op.f("fk_service_items_utility_kind_utility_kinds")
        ),
        sa.ForeignKeyConstraint(
            ["replaced_by"], ["service_items.id"], name=op.f("fk_service_items_replaced_by_service_items")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_items")),
    )
    for name, columns, where in (
        ("published", [*_LINE], "status = 'published'"),
        ("version", [*_LINE, "version"], "version IS NOT NULL"),
    ):
        op.create_index(
            f"uq_service_items_{name}",
            _TABLE,
            columns,
            unique=True,
            postgresql_where=sa.text(where),
            postgresql_nulls_not_distinct=True,
        )
    op.create_index(op.f("ix_service_items_status_id"), _TABLE, ["status", "id"])
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_table(_TABLE)
