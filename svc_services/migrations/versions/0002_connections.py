"""Suspended providers, ended keys, and who changed a connection; decided changes cannot be edited."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEPT = """
CREATE FUNCTION keep_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.status <> 'proposed' THEN
        RAISE EXCEPTION '% keeps what was decided', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("providers", sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
    op.add_column("providers", sa.Column("suspended_at", _TIME, nullable=True))
    op.add_column("providers", sa.Column("suspended_by", sa.Text(), nullable=True))
    op.add_column("providers", sa.Column("suspension_reason", sa.Text(), nullable=True))
    op.add_column("providers", sa.Column("suspended_revision", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_providers_suspended_by"), "providers", "suspended_by IN ('company', 'operator')"
    )
    op.create_check_constraint(
        op.f("ck_providers_suspended"),
        "providers",
        "(suspended_at IS NULL) = (suspended_by IS NULL) AND (suspended_at IS NULL) = (suspension_reason IS NULL)",
    )
    op.create_table(
        "ended_keys",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("thumbprint", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("ended_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_ended_keys_provider_id_providers")),
        sa.PrimaryKeyConstraint("provider_id", "thumbprint", name=op.f("pk_ended_keys")),
    )
    op.create_table(
        "used_proofs",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("jti_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_used_proofs_provider_id_providers")),
        sa.PrimaryKeyConstraint("provider_id", "jti_hash", name=op.f("pk_used_proofs")),
    )
    op.create_index("ix_used_proofs_expires_at", "used_proofs", ["expires_at"])
    _create_changes()


def _create_changes() -> None:
    op.create_table(
        "provider_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("company_key", sa.Text(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("provider_revision", sa.Integer(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "action IN ('suspend', 'resume', 'add_key', 'end_key', 'correct_endpoint')",
            name=op.f("ck_provider_changes_action"),
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'approved', 'rejected', 'withdrawn')", name=op.f("ck_provider_changes_status")
        ),
        sa.CheckConstraint(
            "status = 'withdrawn' OR decided_by <> proposed_by", name=op.f("ck_provider_changes_second_person")
        ),
        sa.CheckConstraint(
            "(company_key IS NULL) <> (proposed_by IS NULL)", name=op.f("ck_provider_changes_requested")
        ),
        sa.CheckConstraint(
            "status <> 'approved' OR decided_by IS NOT NULL OR company_key IS NOT NULL OR action = 'suspend'",
            name=op.f("ck_provider_changes_decided"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("fk_provider_changes_provider_id_providers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_changes")),
    )
    op.create_index("ix_provider_changes_provider_id_id", "provider_changes", ["provider_id", "id"])
    op.create_index("ix_provider_changes_status_id", "provider_changes", ["status", "id"])
    op.execute(_KEPT)
    op.execute(
        "CREATE TRIGGER keep_decided BEFORE UPDATE OR DELETE ON provider_changes "
        "FOR EACH ROW EXECUTE FUNCTION keep_decided()"
    )


def downgrade() -> None:
    op.drop_table("provider_changes")
    op.execute("DROP FUNCTION keep_decided()")
    op.drop_table("used_proofs")
    op.drop_table("ended_keys")
    op.drop_constraint(op.f("ck_providers_suspended"), "providers")
    op.drop_constraint(op.f("ck_providers_suspended_by"), "providers")
    for column in ("suspended_revision", "suspension_reason", "suspended_by", "suspended_at", "revision"):
        op.drop_column("providers", column)
