"""Complaints and hotline tickets."""

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_COMPLAINT = with_hashes(
    subject_ref=("salt", "subject_ref"),
    words=("salt", "words"),
    contact_name=("salt", "contact_name"),
    contact_phone=("salt", "contact_phone"),
    salt=("salt",),
)
_SEALED = (
    SealedTable("complaints", _COMPLAINT),
    SealedTable("complaint_entries", with_hashes(words=("words",))),
    SealedTable("complaint_reads"),
)
_OPEN = sa.text("status IN ('filed', 'handling', 'answered', 'disputed')")
_RUNNING = sa.text("status IN ('filed', 'handling', 'disputed')")


def upgrade() -> None:
    _create_complaints()
    _index_complaints()
    _create_complaint_entries()
    _create_complaint_reads()
    _create_hotline_tickets()
    _extend_supervision_orders()
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_constraint(op.f("ck_supervision_orders_subject"), "supervision_orders")
    op.drop_column("supervision_orders", "complaint_id")
    op.alter_column("supervision_orders", "application_id", nullable=False)
    for table in ("hotline_tickets", "complaint_reads", "complaint_entries", "complaints"):
        op.drop_table(table)


def _create_complaints() -> None:
    op.create_table(
        "complaints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_ref", sa.Text(), nullable=True),
        sa.Column("subject_verified", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("contact_name", sa.Text(), nullable=True),
        sa.Column("contact_phone", sa.Text(), nullable=True),
        sa.Column("contact_shared", sa.Boolean(), nullable=False),
        sa.Column("salt", sa.Uuid(), nullable=True),
        sa.Column("handler", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("reopened", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("hotline_number", sa.Text(), nullable=True),
        sa.Column("hotline_problem", sa.Text(), nullable=True),
        sa.Column("flag", sa.Text(), nullable=True),
        sa.Column("dispute_until", sa.Date(), nullable=True),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("limit_days", sa.Integer(), nullable=False),
        sa.Column("consumed_days", sa.Integer(), nullable=False),
        sa.Column("counted_to", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("look_at", sa.Date(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("calendar_revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("source IN ('resident', 'hotline')", name=op.f("ck_complaints_source")),
        sa.CheckConstraint(
            "subject IN ('application', 'account', 'service', 'bill', 'payment')", name=op.f("ck_complaints_subject")
        ),
        sa.CheckConstraint("handler IN ('provider', 'authority')", name=op.f("ck_complaints_handler")),
        sa.CheckConstraint(
            "status IN ('filed', 'handling', 'refused', 'answered', 'disputed', 'closed', 'withdrawn')",
            name=op.f("ck_complaints_status"),
        ),
        sa.CheckConstraint("flag IN ('yellow', 'red')", name=op.f("ck_complaints_flag")),
        sa.CheckConstraint("consumed_days >= 0", name=op.f("ck_complaints_consumed_days")),
        sa.CheckConstraint("level BETWEEN 0 AND 2", name=op.f("ck_complaints_level")),
        sa.CheckConstraint(
            "source = 'hotline' OR (person_id IS NOT NULL AND provider_id IS NOT NULL)",
            name=op.f("ck_complaints_resident"),
        ),
        sa.CheckConstraint("handler IS NULL OR provider_id IS NOT NULL", name=op.f("ck_complaints_handled")),
        sa.CheckConstraint(
            "(status IN ('refused', 'closed', 'withdrawn')) = (ended_at IS NOT NULL)", name=op.f("ck_complaints_ended")
        ),
        sa.CheckConstraint(
            "(status IN ('answered', 'refused')) = (dispute_until IS NOT NULL)",
            name=op.f("ck_complaints_dispute_until"),
        ),
        sa.ForeignKeyConstraint(
            ["division_code"], ["divisions.code"], name=op.f("fk_complaints_division_code_divisions")
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_complaints_provider_id_providers")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
        sa.UniqueConstraint("number", name="uq_complaints_number"),
        sa.UniqueConstraint("hotline_number", name="uq_complaints_hotline_number"),
    )


def _index_complaints() -> None:
    op.create_index(
        "uq_complaints_open",
        "complaints",
        ["person_id", "subject", "provider_id", "division_code", "subject_ref"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text(f"person_id IS NOT NULL AND {_OPEN}"),
    )
    for column in ("person_id", "division_code", "provider_id"):
        op.create_index(op.f(f"ix_complaints_{column}_id"), "complaints", [column, "id"], unique=False)
    op.create_index(
        "ix_complaints_accepted",
        "complaints",
        ["filed_at"],
        unique=False,
        postgresql_where=sa.text("accepted_at IS NOT NULL"),
        postgresql_include=["division_code", "provider_id"],
    )
    op.create_index(
        "ix_complaints_hotline_problem",
        "complaints",
        ["id"],
        unique=False,
        postgresql_where=sa.text("hotline_problem IS NOT NULL"),
    )
    op.create_index("ix_complaints_due", "complaints", ["look_at"], unique=False, postgresql_where=_OPEN)
    op.create_index(
        "ix_complaints_calendar",
        "complaints",
        ["calendar_revision", "id"],
        unique=False,
        postgresql_where=_RUNNING,
    )


def _create_complaint_entries() -> None:
    op.create_table(
        "complaint_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("hotline_reference", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "action IN ('file', 'accept', 'refuse', 'assign', 'answer', 'call_back', 'confirm', 'dispute', 'reopen', "
            "'withdraw', 'escalate', 'lapse')",
            name=op.f("ck_complaint_entries_action"),
        ),
        sa.CheckConstraint(
            "actor IN ('resident', 'staff', 'company', 'hotline', 'clock')", name=op.f("ck_complaint_entries_actor")
        ),
        sa.CheckConstraint(
            "outcome IN ('satisfied', 'unsatisfied', 'unreachable')", name=op.f("ck_complaint_entries_outcome")
        ),
        sa.CheckConstraint(
            "(actor IN ('staff', 'company')) = (actor_id IS NOT NULL)", name=op.f("ck_complaint_entries_actor_id")
        ),
        sa.CheckConstraint(
            "(action = 'call_back') = (outcome IS NOT NULL)", name=op.f("ck_complaint_entries_called_back")
        ),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaints.id"], name=op.f("fk_complaint_entries_complaint_id_complaints")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_entries")),
        sa.UniqueConstraint("complaint_id", "position", name="uq_complaint_entries_position"),
        sa.UniqueConstraint("complaint_id", "hotline_reference", name="uq_complaint_entries_hotline_reference"),
    )


def _create_complaint_reads() -> None:
    op.create_table(
        "complaint_reads",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("reader_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaints.id"], name=op.f("fk_complaint_reads_complaint_id_complaints")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_reads")),
    )
    op.create_index(op.f("ix_complaint_reads_complaint_id_id"), "complaint_reads", ["complaint_id", "id"], unique=False)


def _create_hotline_tickets() -> None:
    op.create_table(
        "hotline_tickets",
        sa.Column("complaint_id", sa.Uuid(), nullable=False),
        sa.Column("share_contact", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("told_revision", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaints.id"], name=op.f("fk_hotline_tickets_complaint_id_complaints")
        ),
        sa.PrimaryKeyConstraint("complaint_id", name=op.f("pk_hotline_tickets")),
    )
    op.create_index(op.f("ix_hotline_tickets_try_at"), "hotline_tickets", ["try_at"], unique=False)


def _extend_supervision_orders() -> None:
    op.alter_column("supervision_orders", "application_id", nullable=True)
    op.add_column("supervision_orders", sa.Column("complaint_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_supervision_orders_complaint_id_complaints"),
        "supervision_orders",
        "complaints",
        ["complaint_id"],
        ["id"],
    )
    op.create_check_constraint(
        op.f("ck_supervision_orders_subject"), "supervision_orders", "num_nonnulls(application_id, complaint_id) = 1"
    )
    op.create_index(op.f("ix_supervision_orders_complaint_id"), "supervision_orders", ["complaint_id"], unique=False)
