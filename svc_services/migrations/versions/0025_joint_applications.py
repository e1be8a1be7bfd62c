"""Joint applications."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_KINDS = (
    *("new_connection", "transfer", "change", "suspension", "resumption", "closure", "fault_report"),
    *("heating_stop", "heating_start", "temperature_visit", "heating_rebate"),
)
_TIME = sa.DateTime(timezone=True)
_JOINT = "joint_applications.id"
_SEALED = (
    SealedTable("joint_surveys", key="sealed.joint_application_id::text"),
    SealedTable("joint_survey_answers", key="sealed.joint_application_id || '/' || sealed.provider_id"),
    SealedTable("joint_results"),
)


def upgrade() -> None:
    _create_joint_applications()
    _create_joint_branches()
    _create_joint_surveys()
    _create_joint_survey_answers()
    _create_joint_results()
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    for name in ("results", "survey_answers", "surveys", "branches", "applications"):
        op.drop_table(f"joint_{name}")


def _create_joint_applications() -> None:
    table = "joint_applications"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("form", JSONB(), nullable=False),
        sa.Column("material_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("submitted_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint("status IN ('draft', 'open', 'ended')", name=op.f(f"ck_{table}_status")),
        sa.CheckConstraint("(status = 'draft') = (submitted_at IS NULL)", name=op.f(f"ck_{table}_submitted")),
        sa.CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name=op.f(f"ck_{table}_ended")),
        sa.CheckConstraint("status = 'draft' OR form = '{}'::jsonb", name=op.f(f"ck_{table}_form_of_draft")),
        _refers(table, "division_code", "divisions.code"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_person_id_id", table, ["person_id", "id"])
    op.create_index(f"ix_{table}_queue", table, ["division_code", "id"], postgresql_where=sa.text("status = 'open'"))


def _create_joint_branches() -> None:
    table = "joint_branches"
    kinds = ", ".join(map(repr, _KINDS))
    op.create_table(
        table,
        sa.Column("joint_application_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=True),
        sa.Column("application_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(f"kind IN ({kinds})", name=op.f(f"ck_{table}_kind")),
        sa.CheckConstraint("position BETWEEN 1 AND 6", name=op.f(f"ck_{table}_position")),
        _refers(table, "joint_application_id", _JOINT),
        _refers(table, "provider_id", "providers.id"),
        _refers(table, "application_id", "applications.id"),
        sa.PrimaryKeyConstraint("joint_application_id", "position", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("joint_application_id", "provider_id", name="uq_joint_branches_provider"),
        sa.UniqueConstraint("application_id", name="uq_joint_branches_application"),
    )
    op.create_index("ix_joint_branches_received", table, ["provider_id", "joint_application_id"])


def _create_joint_surveys() -> None:
    table = "joint_surveys"
    op.create_table(
        table,
        sa.Column("joint_application_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("days", ARRAY(sa.Date()), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("agreed_on", sa.Date(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.CheckConstraint("status IN ('proposed', 'agreed', 'failed')", name=op.f(f"ck_{table}_status")),
        sa.CheckConstraint(
            "failure IN ('no_common_day', 'not_answered', 'nobody_left')", name=op.f(f"ck_{table}_failure")
        ),
        sa.CheckConstraint("cardinality(days) BETWEEN 1 AND 5", name=op.f(f"ck_{table}_days")),
        sa.CheckConstraint("(status = 'agreed') = (agreed_on IS NOT NULL)", name=op.f(f"ck_{table}_agreed")),
        sa.CheckConstraint("(status = 'failed') = (failure IS NOT NULL)", name=op.f(f"ck_{table}_failed")),
        sa.CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name=op.f(f"ck_{table}_decided")),
        _refers(table, "joint_application_id", _JOINT),
        _refers(table, "proposed_by", "providers.id"),
        sa.PrimaryKeyConstraint("joint_application_id", name=op.f(f"pk_{table}")),
    )
    op.create_index("ix_joint_surveys_due", table, ["due_on"], postgresql_where=sa.text("status = 'proposed'"))


def _create_joint_survey_answers() -> None:
    table = "joint_survey_answers"
    op.create_table(
        table,
        sa.Column("joint_application_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("days", ARRAY(sa.Date()), nullable=False),
        sa.Column("answered_at", _TIME, nullable=False),
        _refers(table, "joint_application_id", "joint_surveys.joint_application_id"),
        _refers(table, "provider_id", "providers.id"),
        sa.PrimaryKeyConstraint("joint_application_id", "provider_id", name=op.f(f"pk_{table}")),
    )


def _create_joint_results() -> None:
    table = "joint_results"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("joint_application_id", sa.Uuid(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("branches", JSONB(), nullable=False),
        sa.Column("decided_at", _TIME, nullable=False),
        _refers(table, "joint_application_id", _JOINT),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("joint_application_id", "edition", name="uq_joint_results_edition"),
    )


def _refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    referred = target.partition(".")[0]
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}_{referred}"))
