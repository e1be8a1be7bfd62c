"""What conformance runs keep."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_LIVE = sa.text("status IN ('queued', 'awaiting_restart', 'resumed')")
_SEALED = (
    SealedTable("conformance_runs", only=f"{ROW}.status IN ('passed', 'failed')"),
    SealedTable("provider_endorsements", key=f"{ROW}.application_id::text"),
)


def upgrade() -> None:
    op.create_table(
        "sandboxes",
        sa.Column("application_id", sa.Uuid(), nullable=False),
        *_accounts(),
        sa.Column("named_at", _TIME, nullable=False),
        _of_application("sandboxes"),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_sandboxes")),
    )
    _create_runs()
    op.create_table(
        "provider_endorsements",
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("endorsed_by", sa.Uuid(), nullable=False),
        sa.Column("endorsed_at", _TIME, nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("approved_by <> endorsed_by", name=op.f("ck_provider_endorsements_second_person")),
        _of_application("provider_endorsements"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["conformance_runs.id"], name=op.f("fk_provider_endorsements_run_id_conformance_runs")
        ),
        sa.PrimaryKeyConstraint("application_id", name=op.f("pk_provider_endorsements")),
    )
    extend_trail(_SEALED)


def _create_runs() -> None:
    op.create_table(
        "conformance_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        *_accounts(),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("results", JSONB(), nullable=False),
        sa.Column("started_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", _TIME, server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint(
            "status IN ('queued', 'awaiting_restart', 'resumed', 'passed', 'failed')",
            name=op.f("ck_conformance_runs_status"),
        ),
        sa.CheckConstraint(
            "(status IN ('passed', 'failed')) = (ended_at IS NOT NULL)", name=op.f("ck_conformance_runs_ended_at")
        ),
        _of_application("conformance_runs"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conformance_runs")),
    )
    op.create_index(
        "uq_conformance_runs_live", "conformance_runs", ["application_id"], unique=True, postgresql_where=_LIVE
    )
    op.create_index("ix_conformance_runs_due", "conformance_runs", ["try_at"], postgresql_where=_LIVE)
    op.create_index("ix_conformance_runs_application_id_id", "conformance_runs", ["application_id", "id"])


def _accounts() -> list[sa.Column[str]]:
    return [
        sa.Column("endpoint_url", sa.Text(), nullable=False),
        sa.Column("accounts", JSONB(), nullable=False),
        sa.Column("unknown_account", sa.Text(), nullable=False),
    ]


def _of_application(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_application_id_provider_applications")
    return sa.ForeignKeyConstraint(["application_id"], ["provider_applications.id"], name=name)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_table("provider_endorsements")
    op.drop_table("conformance_runs")
    op.drop_table("sandboxes")
