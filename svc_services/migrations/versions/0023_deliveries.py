"""Deliveries to companies: what they are told, each try, and how their endpoints fare."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_NOW = sa.text("now()")
_WAITING = sa.text("status IN ('pending', 'sending')")


def upgrade() -> None:
    _endpoints()
    _deliveries()
    _attempts()


def downgrade() -> None:
    for table in ("delivery_attempts", "deliveries", "delivery_endpoints"):
        op.drop_table(table)


def _endpoints() -> None:
    op.create_table(
        "delivery_endpoints",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", _TIME, nullable=True),
        sa.Column("stalled_at", _TIME, nullable=True),
        sa.Column("probes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("probe_at", _TIME, nullable=True),
        sa.Column("paused_at", _TIME, nullable=True),
        sa.Column("paused_by", sa.Uuid(), nullable=True),
        sa.Column("repeated_at", _TIME, nullable=True),
        sa.CheckConstraint("(stalled_at IS NULL) = (probe_at IS NULL)", name=op.f("ck_delivery_endpoints_probe_at")),
        sa.CheckConstraint("(paused_at IS NULL) = (paused_by IS NULL)", name=op.f("ck_delivery_endpoints_paused")),
        sa.CheckConstraint("failures >= 0 AND probes >= 0", name=op.f("ck_delivery_endpoints_counts")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("fk_delivery_endpoints_provider_id_providers")
        ),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_delivery_endpoints")),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("details", JSONB(), nullable=False),
        sa.Column("occurred_at", _TIME, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("give_up_at", _TIME, nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("repeated_at", _TIME, nullable=True),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", _TIME, server_default=_NOW, nullable=False),
        sa.CheckConstraint(
            "status IN ('pending', 'sending', 'delivered', 'given_up')", name=op.f("ck_deliveries_status")
        ),
        sa.CheckConstraint(
            "kind IN ('application_submitted', 'application_moved', 'holder_change_done', 'meter_reading_taken')",
            name=op.f("ck_deliveries_kind"),
        ),
        sa.CheckConstraint(
            "(status IN ('delivered', 'given_up')) = (settled_at IS NOT NULL)", name=op.f("ck_deliveries_settled_at")
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_deliveries_provider_id_providers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index("uq_deliveries_position", "deliveries", ["position"], unique=True)
    op.create_index("ix_deliveries_due", "deliveries", ["provider_id", "try_at"], postgresql_where=_WAITING)
    op.create_index("ix_deliveries_waiting", "deliveries", ["subject_id", "position"], postgresql_where=_WAITING)
    op.create_index("ix_deliveries_expiring", "deliveries", ["give_up_at"], postgresql_where=_WAITING)
    given_up = sa.text("status = 'given_up'")
    op.create_index("ix_deliveries_given_up", "deliveries", ["id"], postgresql_where=given_up)
    op.create_index("ix_deliveries_provider_id_id", "deliveries", ["provider_id", "id"])
    op.create_index("ix_deliveries_settled_at", "deliveries", ["settled_at"])


def _attempts() -> None:
    op.create_table(
        "delivery_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("began_at", _TIME, nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("fault", sa.Text(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "fault IN ('address_refused', 'not_reached', 'no_answer', 'wrong_status', 'wrong_answer')",
            name=op.f("ck_delivery_attempts_fault"),
        ),
        sa.CheckConstraint("milliseconds >= 0", name=op.f("ck_delivery_attempts_milliseconds")),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["deliveries.id"],
            name=op.f("fk_delivery_attempts_delivery_id_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempts")),
    )
    op.create_index("ix_delivery_attempts_delivery_id_id", "delivery_attempts", ["delivery_id", "id"])
    op.create_index("ix_delivery_attempts_began_at", "delivery_attempts", ["began_at"])
