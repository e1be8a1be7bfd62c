"""Outages and cut-offs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_HASHED = with_hashes(account_number=("salt", "account_number"), bill_numbers=("salt", "bill_numbers"), salt=("salt",))
_SEALED = (
    SealedTable("outages"),
    SealedTable("outage_versions", key="sealed.outage_id || '/' || sealed.version"),
    SealedTable("arrears_notices", _HASHED),
    SealedTable("arrears_steps"),
)


def upgrade() -> None:
    op.create_index(
        "ix_account_bindings_active",
        "account_bindings",
        ["provider_id", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    _create_account_premises()
    _create_outages()
    _create_outage_areas()
    _create_outage_versions()
    _create_outage_rounds()
    _create_outage_notices()
    _create_arrears_notices()
    _create_arrears_steps()
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_table("arrears_steps")
    op.drop_table("arrears_notices")
    op.drop_table("outage_notices")
    op.drop_table("outage_rounds")
    op.drop_table("outage_versions")
    op.drop_table("outage_areas")
    op.drop_table("outages")
    op.drop_table("account_premises")
    op.drop_index("ix_account_bindings_active", table_name="account_bindings")


def _create_account_premises() -> None:
    op.create_table(
        "account_premises",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("reported_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["division_code"], ["divisions.code"], name=op.f("fk_account_premises_division_code_divisions")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("fk_account_premises_provider_id_providers")
        ),
        sa.PrimaryKeyConstraint("provider_id", "account_number", name=op.f("pk_account_premises")),
    )


def _create_outages() -> None:
    op.create_table(
        "outages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("nature", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("starts_at", _TIME, nullable=False),
        sa.Column("expected_end", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("short_notice", sa.Boolean(), nullable=False),
        sa.Column("covers_all", sa.Boolean(), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_outages_ended")),
        sa.CheckConstraint(
            "cause IN ('maintenance', 'construction', 'fault', 'weather', 'shortage', 'safety', 'other')",
            name=op.f("ck_outages_cause"),
        ),
        sa.CheckConstraint("nature = 'sudden' OR expected_end IS NOT NULL", name=op.f("ck_outages_planned_end")),
        sa.CheckConstraint("nature IN ('planned', 'sudden')", name=op.f("ck_outages_nature")),
        sa.CheckConstraint("status IN ('announced', 'ended', 'cancelled')", name=op.f("ck_outages_status")),
        sa.CheckConstraint("expected_end > starts_at", name=op.f("ck_outages_expected_end")),
        sa.ForeignKeyConstraint(["kind"], ["utility_kinds.kind"], name=op.f("fk_outages_kind_utility_kinds")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_outages_provider_id_providers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outages")),
    )
    op.create_index(
        "ix_outages_announced", "outages", ["id"], unique=False, postgresql_where=sa.text("status = 'announced'")
    )
    op.create_index(op.f("ix_outages_provider_id_id"), "outages", ["provider_id", "id"], unique=False)


def _create_outage_areas() -> None:
    op.create_table(
        "outage_areas",
        sa.Column("outage_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["division_code"], ["divisions.code"], name=op.f("fk_outage_areas_division_code_divisions")
        ),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name=op.f("fk_outage_areas_outage_id_outages")),
        sa.PrimaryKeyConstraint("outage_id", "position", name=op.f("pk_outage_areas")),
    )
    op.create_index(op.f("ix_outage_areas_division_code"), "outage_areas", ["division_code"], unique=False)


def _create_outage_versions() -> None:
    op.create_table(
        "outage_versions",
        sa.Column("outage_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("starts_at", _TIME, nullable=False),
        sa.Column("expected_end", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("short_notice", sa.Boolean(), nullable=False),
        sa.Column("areas", JSONB(), nullable=False),
        sa.Column("recorded_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "cause IN ('maintenance', 'construction', 'fault', 'weather', 'shortage', 'safety', 'other')",
            name=op.f("ck_outage_versions_cause"),
        ),
        sa.CheckConstraint("status IN ('announced', 'ended', 'cancelled')", name=op.f("ck_outage_versions_status")),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name=op.f("fk_outage_versions_outage_id_outages")),
        sa.PrimaryKeyConstraint("outage_id", "version", name=op.f("pk_outage_versions")),
    )


def _create_outage_rounds() -> None:
    op.create_table(
        "outage_rounds",
        sa.Column("outage_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("after_binding_id", sa.Uuid(), nullable=True),
        sa.Column("done_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name=op.f("fk_outage_rounds_outage_id_outages")),
        sa.PrimaryKeyConstraint("outage_id", "version", name=op.f("pk_outage_rounds")),
    )
    op.create_index(
        "ix_outage_rounds_open",
        "outage_rounds",
        ["outage_id"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )


def _create_outage_notices() -> None:
    op.create_table(
        "outage_notices",
        sa.Column("outage_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("affected", sa.Boolean(), nullable=False),
        sa.Column("told_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name=op.f("fk_outage_notices_outage_id_outages")),
        sa.PrimaryKeyConstraint("outage_id", "person_id", "version", name=op.f("pk_outage_notices")),
    )
    op.create_index(op.f("ix_outage_notices_person_id"), "outage_notices", ["person_id"], unique=False)
    op.create_index(op.f("ix_outage_notices_told_at"), "outage_notices", ["told_at"], unique=False)


def _create_arrears_notices() -> None:
    op.create_table(
        "arrears_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("salt", sa.Uuid(), nullable=False),
        sa.Column("bill_numbers", ARRAY(sa.Text()), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outstanding_fen", sa.BigInteger(), nullable=True),
        sa.Column("being_paid", sa.Boolean(), nullable=False),
        sa.Column("unknown_bills", sa.Integer(), nullable=False),
        sa.Column("overdue_since", sa.Date(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("cut_off_on", sa.Date(), nullable=True),
        sa.Column("cut_off_at", _TIME, nullable=True),
        sa.Column("reconnect_by", _TIME, nullable=True),
        sa.Column("reconnected_at", _TIME, nullable=True),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "(status = 'reconnected') = (reconnected_at IS NOT NULL)", name=op.f("ck_arrears_notices_reconnected_at")
        ),
        sa.CheckConstraint(
            "(status IN ('cut_off', 'reconnecting', 'reconnected')) = (cut_off_at IS NOT NULL)",
            name=op.f("ck_arrears_notices_cut_off_at"),
        ),
        sa.CheckConstraint(
            "(status IN ('reconnected', 'settled', 'withdrawn')) = (closed_at IS NOT NULL)",
            name=op.f("ck_arrears_notices_closed_at"),
        ),
        sa.CheckConstraint(
            "(status IN ('reconnecting', 'reconnected')) = (reconnect_by IS NOT NULL)",
            name=op.f("ck_arrears_notices_reconnect_by"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'cut_off_announced', 'cut_off', 'reconnecting', 'reconnected', 'settled', 'withdrawn')",
            name=op.f("ck_arrears_notices_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('cut_off_announced', 'cut_off', 'reconnecting', 'reconnected') OR cut_off_on IS NOT NULL",
            name=op.f("ck_arrears_notices_cut_off_on"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_arrears_notices_amount_positive")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("fk_arrears_notices_provider_id_providers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrears_notices")),
    )
    op.create_index(
        op.f("ix_arrears_notices_provider_id_account_number_id"),
        "arrears_notices",
        ["provider_id", "account_number", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_arrears_notices_provider_id_id"), "arrears_notices", ["provider_id", "id"], unique=False)
    op.create_index(
        "ix_arrears_notices_reconnecting",
        "arrears_notices",
        ["reconnect_by"],
        unique=False,
        postgresql_where=sa.text("status = 'reconnecting'"),
    )
    op.create_index(
        "uq_arrears_notices_live",
        "arrears_notices",
        ["provider_id", "account_number"],
        unique=True,
        postgresql_where=sa.text("status NOT IN ('reconnected', 'settled', 'withdrawn')"),
    )


def _create_arrears_steps() -> None:
    op.create_table(
        "arrears_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("by_company", sa.Boolean(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=True),
        sa.Column("details", JSONB(), nullable=False),
        sa.Column("taken_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "action IN ('open', 'announce_cut_off', 'cut_off', 'settle', 'order_reconnection', 'reconnect', "
            "'withdraw')",
            name=op.f("ck_arrears_steps_action"),
        ),
        sa.CheckConstraint(
            "explanation IN ('nothing_due', 'paid_before_cut_off', 'by_company')",
            name=op.f("ck_arrears_steps_explanation"),
        ),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["arrears_notices.id"], name=op.f("fk_arrears_steps_notice_id_arrears_notices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrears_steps")),
        sa.UniqueConstraint("notice_id", "position", name="uq_arrears_steps_position"),
    )
