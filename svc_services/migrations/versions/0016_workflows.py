"""Workflows of applications."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_KINDS = (
    *("new_connection", "transfer", "change", "suspension", "resumption", "closure", "fault_report"),
    *("heating_stop", "heating_start", "temperature_visit", "heating_rebate"),
)


def upgrade() -> None:
    _create_workflows()


def _create_workflows() -> None:
    op.create_table(
        "workflows",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("utility_kind", sa.Text(), nullable=False),
        sa.Column("application_kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("definition", JSONB(), nullable=False),
        sa.Column("form", JSONB(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.CheckConstraint(
            f"application_kind IN ({', '.join(map(repr, _KINDS))})", name=op.f("ck_workflows_application_kind")
        ),
        sa.CheckConstraint("status IN ('proposed', 'published', 'rejected')", name=op.f("ck_workflows_status")),
        sa.CheckConstraint("(status = 'published') = (version IS NOT NULL)", name=op.f("ck_workflows_version")),
        sa.CheckConstraint("status = 'rejected' OR decided_by <> proposed_by", name=op.f("ck_workflows_second_person")),
        sa.ForeignKeyConstraint(
            ["utility_kind"], ["utility_kinds.kind"], name=op.f("fk_workflows_utility_kind_utility_kinds")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflows")),
    )
    op.create_index("uq_workflows_version", "workflows", ["utility_kind", "application_kind", "version"], unique=True)
    op.create_index("ix_workflows_proposed", "workflows", ["id"], postgresql_where=sa.text("status = 'proposed'"))


def downgrade() -> None:
    op.drop_table("workflows")
