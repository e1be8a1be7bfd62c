"""Migrations of running cases, and the index for the lists of late ones."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_SEALED = (SealedTable("case_migrations"), SealedTable("migrated_cases"))
_MOVES = "application_promise_moves"
_FLAGGED = sa.text("status = 'open' AND flag IS NOT NULL")


def upgrade() -> None:
    _create_case_migrations()
    _create_migrated_cases()
    op.add_column(_MOVES, sa.Column("migration_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_application_promise_moves_migration_id_case_migrations"),
        _MOVES,
        "case_migrations",
        ["migration_id"],
        ["id"],
    )
    _replace_causes("pause", "calendar", "extension", "workflow")
    op.create_check_constraint(
        op.f("ck_application_promise_moves_migration_id"), _MOVES, "(cause = 'workflow') = (migration_id IS NOT NULL)"
    )
    op.drop_index("ix_applications_flagged", table_name="applications")
    op.create_index("ix_applications_flagged", "applications", ["id"], postgresql_where=_FLAGGED)
    extend_trail(_SEALED)


def downgrade() -> None:
    """Back to the schema before; refused by it once a promise was moved by a migration of cases."""
    shorten_trail(_SEALED)
    op.drop_index("ix_applications_flagged", table_name="applications")
    op.create_index("ix_applications_flagged", "applications", ["flag", "id"], postgresql_where=_FLAGGED)
    _replace_causes("pause", "calendar", "extension")
    op.drop_constraint(op.f("ck_application_promise_moves_migration_id"), _MOVES)
    op.drop_column(_MOVES, "migration_id")
    op.drop_table("migrated_cases")
    op.drop_table("case_migrations")


def _replace_causes(*causes: str) -> None:
    name = op.f("ck_application_promise_moves_cause")
    op.drop_constraint(name, _MOVES)
    op.create_check_constraint(name, _MOVES, f"cause IN ({', '.join(map(repr, causes))})")


def _create_case_migrations() -> None:
    workflows = ("from_workflow_id", "to_workflow_id")
    op.create_table(
        "case_migrations",
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in workflows),
        sa.Column("state_names", JSONB(), nullable=False),
        sa.Column("reason", JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.CheckConstraint("status IN ('proposed', 'approved', 'rejected')", name=op.f("ck_case_migrations_status")),
        sa.CheckConstraint(
            "status = 'rejected' OR decided_by <> proposed_by", name=op.f("ck_case_migrations_second_person")
        ),
        sa.CheckConstraint("(status = 'proposed') = (decided_by IS NULL)", name=op.f("ck_case_migrations_decided")),
        sa.CheckConstraint("from_workflow_id <> to_workflow_id", name=op.f("ck_case_migrations_other_version")),
        *(
            sa.ForeignKeyConstraint([name], ["workflows.id"], name=op.f(f"fk_case_migrations_{name}_workflows"))
            for name in workflows
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_migrations")),
    )


def _create_migrated_cases() -> None:
    targets = {"migration_id": "case_migrations", "application_id": "applications"}
    op.create_table(
        "migrated_cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in targets),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("consumed_days", sa.Integer(), nullable=False),
        sa.Column("promised_before", sa.Date(), nullable=True),
        sa.Column("promised_after", sa.Date(), nullable=True),
        sa.Column("moved_at", _TIME, nullable=False),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_migrated_cases_{name}_{table}"))
            for name, table in targets.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_migrated_cases")),
        sa.UniqueConstraint("application_id", "position", name="uq_migrated_cases_position"),
    )
    op.create_index(op.f("ix_migrated_cases_migration_id"), "migrated_cases", ["migration_id"])
