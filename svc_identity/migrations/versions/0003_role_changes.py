"""Who granted and removed which role, with a second person where it matters; decided ones cannot be edited."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
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


def upgrade() -> None:
    op.create_table(
        "role_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("action IN ('grant', 'removal')", name=op.f("ck_role_changes_action")),
        sa.CheckConstraint(
            "role IN ('operator', 'auditor', 'reviewer', 'county_team', 'clerk', 'till_supervisor')",
            name=op.f("ck_role_changes_role"),
        ),
        sa.CheckConstraint(
            "status <> 'approved' OR decided_by IS NOT NULL OR proposed_by IS NULL OR "
            "role NOT IN ('auditor', 'operator', 'reviewer', 'till_supervisor')",
            name=op.f("ck_role_changes_decided"),
        ),
        sa.CheckConstraint(
            "status <> 'approved' OR membership_id IS NOT NULL", name=op.f("ck_role_changes_carried_out")
        ),
        sa.CheckConstraint(
            "status = 'withdrawn' OR decided_by <> proposed_by", name=op.f("ck_role_changes_second_person")
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'approved', 'rejected', 'withdrawn', 'expired')",
            name=op.f("ck_role_changes_status"),
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["persons.id"], name=op.f("fk_role_changes_decided_by_persons")),
        sa.ForeignKeyConstraint(
            ["membership_id"], ["memberships.id"], name=op.f("fk_role_changes_membership_id_memberships")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_role_changes_organisation_id_organisations")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_role_changes_person_id_persons")),
        sa.ForeignKeyConstraint(["proposed_by"], ["persons.id"], name=op.f("fk_role_changes_proposed_by_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_changes")),
    )
    op.create_index("ix_role_changes_person_id", "role_changes", ["person_id"], unique=False)
    op.create_index(
        "uq_role_changes_open",
        "role_changes",
        ["organisation_id", "person_id", "role", "action"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.execute(_KEPT)
    op.execute(
        "CREATE TRIGGER keep_decided BEFORE UPDATE OR DELETE ON role_changes "
        "FOR EACH ROW EXECUTE FUNCTION keep_decided()"
    )


def downgrade() -> None:
    op.drop_index("uq_role_changes_open", table_name="role_changes", postgresql_where=sa.text("status = 'proposed'"))
    op.drop_index("ix_role_changes_person_id", table_name="role_changes")
    op.drop_table("role_changes")
    op.execute("DROP FUNCTION keep_decided()")
