"""Accounts that change hands."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("account_bindings", sa.Column("held_until", sa.Date(), nullable=True))
    op.create_table(
        "holder_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reported_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("done_at", _TIME, nullable=True),
        sa.CheckConstraint("kind IN ('new_holder', 'ended')", name=op.f("ck_holder_changes_kind")),
        sa.CheckConstraint(
            "status IN ('proposed', 'scheduled', 'done', 'rejected', 'withdrawn')",
            name=op.f("ck_holder_changes_status"),
        ),
        sa.CheckConstraint(
            "status = 'withdrawn' OR decided_by <> proposed_by", name=op.f("ck_holder_changes_second_person")
        ),
        sa.CheckConstraint(
            "proposed_by IS NULL OR decided_by IS NOT NULL OR status NOT IN ('scheduled', 'done')",
            name=op.f("ck_holder_changes_decided"),
        ),
        sa.CheckConstraint("(proposed_by IS NULL) = (reason IS NULL)", name=op.f("ck_holder_changes_reason")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("fk_holder_changes_provider_id_providers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holder_changes")),
    )
    op.create_index(
        "uq_holder_changes_day",
        "holder_changes",
        ["provider_id", "account_number", "effective_on"],
        unique=True,
        postgresql_where=sa.text("status IN ('scheduled', 'done')"),
    )
    op.create_index(
        "ix_holder_changes_due", "holder_changes", ["effective_on"], postgresql_where=sa.text("status = 'scheduled'")
    )
    op.create_index("ix_holder_changes_provider_id_id", "holder_changes", ["provider_id", "id"])


def downgrade() -> None:
    op.drop_table("holder_changes")
    op.drop_column("account_bindings", "held_until")
