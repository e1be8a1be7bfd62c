"""The calendar, the lists and orders of supervision, ratings and rectifications."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_KINDS = (
    *("new_connection", "transfer", "change", "suspension", "resumption", "closure", "fault_report"),
    *("heating_stop", "heating_start", "temperature_visit", "heating_rebate"),
)
_SEALED = (
    SealedTable("calendar_changes"),
    SealedTable("calendar_days", key="sealed.day::text"),
    SealedTable("supervision_orders"),
    SealedTable("supervision_order_entries", with_hashes(words=("words",))),
    SealedTable("ratings", with_hashes(words=("salt", "words"), salt=("salt",))),
    SealedTable("rating_appeals", with_hashes(reason=("reason",), decision_reason=("decision_reason",))),
    SealedTable("rectifications"),
    SealedTable("rectification_entries", with_hashes(words=("words",))),
)


def upgrade() -> None:
    _create_calendar_changes()
    _create_calendar_days()
    _extend_applications()
    _create_application_promise_moves()
    _create_supervision_orders()
    _create_supervision_order_entries()
    _create_rating_requests()
    _create_ratings()
    _create_rating_appeals()
    _create_rectifications()
    _create_rectification_entries()
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_table("rectification_entries")
    op.drop_table("rectifications")
    op.drop_table("rating_appeals")
    op.drop_table("ratings")
    op.drop_table("rating_requests")
    op.drop_table("supervision_order_entries")
    op.drop_table("supervision_orders")
    op.drop_table("application_promise_moves")
    op.drop_index("ix_application_steps_staff", table_name="application_steps")
    for name in ("ix_applications_ended", "ix_applications_flagged", "ix_applications_calendar"):
        op.drop_index(name, table_name="applications")
    for name in ("promised_by_weekdays", "calendar_revision"):
        op.drop_column("applications", name)
    op.drop_table("calendar_days")
    op.drop_table("calendar_changes")


def _extend_applications() -> None:
    op.add_column("applications", sa.Column("calendar_revision", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "applications", sa.Column("promised_by_weekdays", sa.Boolean(), server_default="false", nullable=False)
    )
    for name in ("calendar_revision", "promised_by_weekdays"):
        op.alter_column("applications", name, server_default=None)
    op.create_index(
        "ix_applications_calendar",
        "applications",
        ["calendar_revision", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "ix_applications_ended",
        "applications",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("status = 'ended'"),
        postgresql_include=["division_code", "provider_id", "kind", "consumed_days", "workflow_id"],
    )
    op.create_index(
        "ix_applications_flagged",
        "applications",
        ["flag", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'open' AND flag IS NOT NULL"),
    )
    op.create_index(
        "ix_application_steps_staff",
        "application_steps",
        ["actor_id", "application_id"],
        unique=False,
        postgresql_where=sa.text("actor IN ('clerk', 'operator')"),
    )


def _create_calendar_changes() -> None:
    op.create_table(
        "calendar_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("days", JSONB(), nullable=False),
        sa.Column("completes_year", sa.Boolean(), nullable=False),
        sa.Column("reason", JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'approved') = (revision IS NOT NULL)", name=op.f("ck_calendar_changes_revision")),
        sa.CheckConstraint("(status = 'proposed') = (decided_at IS NULL)", name=op.f("ck_calendar_changes_decided")),
        sa.CheckConstraint(
            "status = 'rejected' OR decided_by <> proposed_by", name=op.f("ck_calendar_changes_second_person")
        ),
        sa.CheckConstraint("status IN ('proposed', 'approved', 'rejected')", name=op.f("ck_calendar_changes_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_changes")),
        sa.UniqueConstraint("revision", name="uq_calendar_changes_revision"),
    )


def _create_calendar_days() -> None:
    op.create_table(
        "calendar_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("name", JSONB(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_days")),
    )


def _create_application_promise_moves() -> None:
    op.create_table(
        "application_promise_moves",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("moved_from", sa.Date(), nullable=False),
        sa.Column("moved_to", sa.Date(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("calendar_revision", sa.Integer(), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(cause = 'calendar') = (calendar_revision IS NOT NULL)",
            name=op.f("ck_application_promise_moves_calendar_revision"),
        ),
        sa.CheckConstraint("cause IN ('pause', 'calendar')", name=op.f("ck_application_promise_moves_cause")),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["applications.id"],
            name=op.f("fk_application_promise_moves_application_id_applications"),
        ),
        sa.ForeignKeyConstraint(
            ["calendar_revision"],
            ["calendar_changes.revision"],
            name=op.f("fk_application_promise_moves_calendar_revision_calendar_changes"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_promise_moves")),
    )
    op.create_index(
        op.f("ix_application_promise_moves_application_id_id"),
        "application_promise_moves",
        ["application_id", "id"],
        unique=False,
    )


def _create_supervision_orders() -> None:
    op.create_table(
        "supervision_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("addressee", sa.Text(), nullable=False),
        sa.Column("clerk_id", sa.Uuid(), nullable=True),
        sa.Column("issued_by", sa.Uuid(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("limit_days", sa.Integer(), nullable=False),
        sa.Column("consumed_days", sa.Integer(), nullable=False),
        sa.Column("counted_to", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("look_at", sa.Date(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("calendar_revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("(addressee = 'clerk') = (clerk_id IS NOT NULL)", name=op.f("ck_supervision_orders_clerk")),
        sa.CheckConstraint("addressee IN ('provider', 'clerk')", name=op.f("ck_supervision_orders_addressee")),
        sa.CheckConstraint(
            "status IN ('open', 'replied', 'returned', 'accepted', 'withdrawn')",
            name=op.f("ck_supervision_orders_status"),
        ),
        sa.CheckConstraint("clerk_id <> issued_by", name=op.f("ck_supervision_orders_second_person")),
        sa.CheckConstraint("consumed_days >= 0", name=op.f("ck_supervision_orders_consumed_days")),
        sa.CheckConstraint("level BETWEEN 0 AND 2", name=op.f("ck_supervision_orders_level")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_supervision_orders_application_id_applications")
        ),
        sa.ForeignKeyConstraint(
            ["division_code"], ["divisions.code"], name=op.f("fk_supervision_orders_division_code_divisions")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("fk_supervision_orders_provider_id_providers")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervision_orders")),
    )
    op.create_index(
        op.f("ix_supervision_orders_application_id"), "supervision_orders", ["application_id"], unique=False
    )
    op.create_index(
        "ix_supervision_orders_calendar",
        "supervision_orders",
        ["calendar_revision", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'returned')"),
    )
    op.create_index(
        op.f("ix_supervision_orders_clerk_id_id"),
        "supervision_orders",
        ["clerk_id", "id"],
        unique=False,
        postgresql_where=sa.text("clerk_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_supervision_orders_division_code_id"), "supervision_orders", ["division_code", "id"], unique=False
    )
    op.create_index(
        "ix_supervision_orders_due",
        "supervision_orders",
        ["look_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'returned')"),
    )
    op.create_index(
        op.f("ix_supervision_orders_provider_id_id"), "supervision_orders", ["provider_id", "id"], unique=False
    )


def _create_supervision_order_entries() -> None:
    op.create_table(
        "supervision_order_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(action = 'escalate') = (actor_id IS NULL)", name=op.f("ck_supervision_order_entries_actor_id")
        ),
        sa.CheckConstraint(
            "action IN ('issue', 'reply', 'return', 'accept', 'withdraw', 'escalate')",
            name=op.f("ck_supervision_order_entries_action"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["supervision_orders.id"],
            name=op.f("fk_supervision_order_entries_order_id_supervision_orders"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supervision_order_entries")),
        sa.UniqueConstraint("order_id", "position", name="uq_supervision_order_entries_position"),
    )


def _create_rating_requests() -> None:
    op.create_table(
        "rating_requests",
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stage IN ('acceptance', 'conclusion')", name=op.f("ck_rating_requests_stage")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_rating_requests_application_id_applications")
        ),
        sa.PrimaryKeyConstraint("application_id", "stage", name=op.f("pk_rating_requests")),
    )


def _create_ratings() -> None:
    op.create_table(
        "ratings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("tags", JSONB(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("salt", sa.Uuid(), nullable=True),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"kind IN ({', '.join(map(repr, _KINDS))})", name=op.f("ck_ratings_kind")),
        sa.CheckConstraint("stage IN ('acceptance', 'conclusion')", name=op.f("ck_ratings_stage")),
        sa.CheckConstraint("grade BETWEEN 1 AND 5", name=op.f("ck_ratings_grade")),
        sa.CheckConstraint("round IN (1, 2)", name=op.f("ck_ratings_round")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_ratings_application_id_applications")
        ),
        sa.ForeignKeyConstraint(["division_code"], ["divisions.code"], name=op.f("fk_ratings_division_code_divisions")),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_ratings_provider_id_providers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ratings")),
        sa.UniqueConstraint("application_id", "stage", "round", name="uq_ratings_round"),
    )
    op.create_index(op.f("ix_ratings_division_code_id"), "ratings", ["division_code", "id"], unique=False)
    op.create_index(op.f("ix_ratings_provider_id_id"), "ratings", ["provider_id", "id"], unique=False)
    op.create_index(
        "ix_ratings_standing", "ratings", ["rated_at"], unique=False, postgresql_where=sa.text("set_aside_at IS NULL")
    )


def _create_rating_appeals() -> None:
    op.create_table(
        "rating_appeals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rating_id", sa.Uuid(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("appealed_by", sa.Uuid(), nullable=False),
        sa.Column("appealed_role", sa.Text(), nullable=False),
        sa.Column("appealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(status = 'open') = (decided_at IS NULL)", name=op.f("ck_rating_appeals_decided")),
        sa.CheckConstraint("status IN ('open', 'upheld', 'dismissed')", name=op.f("ck_rating_appeals_status")),
        sa.CheckConstraint("decided_by <> appealed_by", name=op.f("ck_rating_appeals_second_person")),
        sa.ForeignKeyConstraint(
            ["division_code"], ["divisions.code"], name=op.f("fk_rating_appeals_division_code_divisions")
        ),
        sa.ForeignKeyConstraint(["rating_id"], ["ratings.id"], name=op.f("fk_rating_appeals_rating_id_ratings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating_appeals")),
        sa.UniqueConstraint("rating_id", name="uq_rating_appeals_rating_id"),
    )
    op.create_index(op.f("ix_rating_appeals_division_code_id"), "rating_appeals", ["division_code", "id"], unique=False)


def _create_rectifications() -> None:
    op.create_table(
        "rectifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rating_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("limit_days", sa.Integer(), nullable=False),
        sa.Column("consumed_days", sa.Integer(), nullable=False),
        sa.Column("counted_to", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("look_at", sa.Date(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("calendar_revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("status IN ('open', 'paused', 'answered', 'closed')", name=op.f("ck_rectifications_status")),
        sa.CheckConstraint("consumed_days >= 0", name=op.f("ck_rectifications_consumed_days")),
        sa.CheckConstraint("level BETWEEN 0 AND 2", name=op.f("ck_rectifications_level")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_rectifications_application_id_applications")
        ),
        sa.ForeignKeyConstraint(
            ["division_code"], ["divisions.code"], name=op.f("fk_rectifications_division_code_divisions")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.id"], name=op.f("fk_rectifications_provider_id_providers")
        ),
        sa.ForeignKeyConstraint(["rating_id"], ["ratings.id"], name=op.f("fk_rectifications_rating_id_ratings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rectifications")),
        sa.UniqueConstraint("rating_id", name="uq_rectifications_rating_id"),
    )
    op.create_index(
        "ix_rectifications_calendar",
        "rectifications",
        ["calendar_revision", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(op.f("ix_rectifications_division_code_id"), "rectifications", ["division_code", "id"], unique=False)
    op.create_index(
        "ix_rectifications_due",
        "rectifications",
        ["look_at"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(op.f("ix_rectifications_provider_id_id"), "rectifications", ["provider_id", "id"], unique=False)


def _create_rectification_entries() -> None:
    op.create_table(
        "rectification_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("rectification_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(action = 'call_back') = (outcome IS NOT NULL)", name=op.f("ck_rectification_entries_called_back")
        ),
        sa.CheckConstraint(
            "action IN ('open', 'pause', 'resume', 'answer', 'call_back', 'rate_again', 'set_aside', 'escalate')",
            name=op.f("ck_rectification_entries_action"),
        ),
        sa.CheckConstraint(
            "outcome IN ('satisfied', 'unsatisfied', 'unreachable')", name=op.f("ck_rectification_entries_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["rectification_id"],
            ["rectifications.id"],
            name=op.f("fk_rectification_entries_rectification_id_rectifications"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rectification_entries")),
        sa.UniqueConstraint("rectification_id", "position", name="uq_rectification_entries_position"),
    )
