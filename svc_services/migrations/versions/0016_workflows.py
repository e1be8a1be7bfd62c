"""Workflows, and the applications that run by them."""

from typing import Any

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
    _create_applications()
    _index_applications()
    _create_steps()


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


def _create_applications() -> None:
    op.create_table(
        "applications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=True),
        sa.Column("form", JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", _TIME, nullable=True),
        *_clock(),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("submitted_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        *_rules_of_applications(),
        *_references_of_applications(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
    )


def _clock() -> list[sa.Column[Any]]:
    return [
        sa.Column("consumed_days", sa.Integer(), nullable=False),
        sa.Column("state_days", JSONB(), nullable=False),
        sa.Column("counted_to", sa.Date(), nullable=True),
        sa.Column("clock_runs", sa.Boolean(), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=True),
        sa.Column("flag", sa.Text(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("look_at", sa.Date(), nullable=True),
    ]


def _rules_of_applications() -> list[sa.CheckConstraint]:
    rules = {
        "kind": f"kind IN ({', '.join(map(repr, _KINDS))})",
        "status": "status IN ('draft', 'open', 'ended')",
        "flag": "flag IN ('yellow', 'red')",
        "state": "(status = 'draft') = (state IS NULL)",
        "counted_to": "(status = 'draft') = (counted_to IS NULL)",
        "claimed": "(claimed_by IS NULL) = (claimed_until IS NULL)",
        "consumed_days": "consumed_days >= 0",
    }
    return [sa.CheckConstraint(rule, name=op.f(f"ck_applications_{name}")) for name, rule in rules.items()]


def _references_of_applications() -> list[sa.ForeignKeyConstraint]:
    references = {
        "provider_id": ("providers", "id"),
        "workflow_id": ("workflows", "id"),
        "division_code": ("divisions", "code"),
    }
    return [
        sa.ForeignKeyConstraint([column], [f"{table}.{key}"], name=op.f(f"fk_applications_{column}_{table}"))
        for column, (table, key) in references.items()
    ]


def _index_applications() -> None:
    op.create_index(
        "uq_applications_open",
        "applications",
        ["provider_id", "account_number", "kind"],
        unique=True,
        postgresql_where=sa.text("status = 'open' AND account_number IS NOT NULL"),
    )
    op.create_index("ix_applications_person_id_id", "applications", ["person_id", "id"])
    for name, columns in {
        "open": ["id"],
        "queue": ["division_code", "id"],
        "received": ["provider_id", "id"],
        "due": ["look_at"],
    }.items():
        where = sa.text("status = 'open'")
        op.create_index(f"ix_applications_{name}", "applications", columns, postgresql_where=where)


def _create_steps() -> None:
    op.create_table(
        "application_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("appointment_on", sa.Date(), nullable=True),
        sa.Column("amount_fen", sa.Integer(), nullable=True),
        sa.Column("taken_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "actor IN ('citizen', 'clerk', 'operator', 'provider', 'system')", name=op.f("ck_application_steps_actor")
        ),
        sa.CheckConstraint("(actor = 'system') = (actor_id IS NULL)", name=op.f("ck_application_steps_actor_id")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_application_steps_application_id_applications")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_steps")),
        sa.UniqueConstraint("application_id", "position", name=op.f("uq_application_steps_position")),
    )


def downgrade() -> None:
    op.drop_table("application_steps")
    op.drop_table("applications")
    op.drop_table("workflows")
