"""Manual actions by two persons; what operators watch and search by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_UNSETTLED = "status IN ('created', 'pending', 'unknown', 'captured', 'posting', 'reversing')"


def upgrade() -> None:
    op.create_table(
        "manual_actions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("what", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('proposed', 'done', 'rejected')", name=op.f("ck_manual_actions_status")),
        sa.CheckConstraint("length(reason) > 0", name=op.f("ck_manual_actions_reason")),
        sa.CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name=op.f("ck_manual_actions_decided")),
        sa.CheckConstraint("status <> 'done' OR decided_by <> proposed_by", name=op.f("ck_manual_actions_two_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manual_actions")),
    )
    op.create_index(
        "ix_manual_actions_waiting", "manual_actions", ["id"], postgresql_where=sa.text("status = 'proposed'")
    )
    op.add_column("incidents", sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_incidents_open", "incidents", ["id"], postgresql_where=sa.text("resolved_at IS NULL"))
    op.create_index("ix_payments_unsettled", "payments", ["status", "id"], postgresql_where=sa.text(_UNSETTLED))
    op.create_index("ix_postings_provider_reference", "postings", ["provider_reference"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_postings_provider_reference", table_name="postings")
    op.drop_index("ix_payments_unsettled", table_name="payments", postgresql_where=sa.text(_UNSETTLED))
    op.drop_index("ix_incidents_open", table_name="incidents", postgresql_where=sa.text("resolved_at IS NULL"))
    op.drop_column("incidents", "resolved_at")
    op.drop_index(
        "ix_manual_actions_waiting", table_name="manual_actions", postgresql_where=sa.text("status = 'proposed'")
    )
    op.drop_table("manual_actions")
