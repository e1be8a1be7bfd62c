"""Materials of complaints, photos of readings, disputed bills."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_NOTICES, _STEPS = "arrears_notices", "arrears_steps"
_IDS = ("complaint_id", "provider_id", "bill_id", "person_id")
_OVER = ("reconnected", "settled", "withdrawn")
_STATUSES = ("open", "cut_off_announced", "cut_off", "reconnecting", *_OVER)
_ACTIONS = ("open", "announce_cut_off", "cut_off", "settle", "order_reconnection", "reconnect", "withdraw")
_WHY = ("nothing_due", "paid_before_cut_off", "by_company")


def upgrade() -> None:
    _create_uses()
    _create_disputes()
    op.add_column("key_fetches", sa.Column("problem", sa.Text(), nullable=True))
    for table in ("joint_surveys", "joint_survey_answers"):
        op.add_column(table, sa.Column("round", sa.Integer(), server_default="1", nullable=False))
        op.alter_column(table, "round", server_default=None)


def _create_uses() -> None:
    op.create_table(
        "material_uses",
        sa.Column("used_by", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("subject_id", "material_id")),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("used_by IN ('complaint', 'reading')", name=op.f("ck_material_uses_used_by")),
        sa.ForeignKeyConstraint(["material_id"], ["materials.id"], name=op.f("fk_material_uses_material_id_materials")),
        sa.PrimaryKeyConstraint("used_by", "subject_id", "material_id", name=op.f("pk_material_uses")),
    )
    op.create_index("ix_material_uses_material_id", "material_uses", ["material_id"])
    op.add_column("meter_readings", sa.Column("photo_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_meter_readings_photo_id",
        "meter_readings",
        ["photo_id"],
        postgresql_where=sa.text("photo_id IS NOT NULL"),
    )


def _create_disputes() -> None:
    op.create_table(
        "arrears_bills",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("notice_id", "bill_id")),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["arrears_notices.id"], name=op.f("fk_arrears_bills_notice_id_arrears_notices")
        ),
        sa.PrimaryKeyConstraint("notice_id", "bill_id", name=op.f("pk_arrears_bills")),
    )
    op.create_index("ix_arrears_bills_bill_id", "arrears_bills", ["bill_id"])
    op.create_table(
        "bill_disputes",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in _IDS),
        sa.Column("disputed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_bill_disputes_provider_id_providers")),
        sa.PrimaryKeyConstraint("complaint_id", name=op.f("pk_bill_disputes")),
    )
    op.create_index("ix_bill_disputes_bill_id", "bill_disputes", ["bill_id"])
    op.add_column(_NOTICES, sa.Column("disputed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.alter_column(_NOTICES, "disputed", server_default=None)
    _check(_NOTICES, "status", _one_of("status", *_STATUSES, "refused"))
    _check(_NOTICES, "closed_at", _closed(*_OVER, "refused"))
    _check(_STEPS, "action", _one_of("action", *_ACTIONS, "refuse", "dispute", "decide_dispute"))
    _check(_STEPS, "explanation", _one_of("explanation", *_WHY, "bills_paid", "bills_unknown", "earlier_holder"))
    _index_live(*_OVER, "refused")


def downgrade() -> None:
    """Refused by the checks once a notice was refused or disputed: what was said of it is kept."""
    for table in ("joint_survey_answers", "joint_surveys"):
        op.drop_column(table, "round")
    op.drop_column("key_fetches", "problem")
    _index_live(*_OVER)
    _check(_STEPS, "explanation", _one_of("explanation", *_WHY))
    _check(_STEPS, "action", _one_of("action", *_ACTIONS))
    _check(_NOTICES, "closed_at", _closed(*_OVER))
    _check(_NOTICES, "status", _one_of("status", *_STATUSES))
    op.drop_column(_NOTICES, "disputed")
    for table in ("bill_disputes", "arrears_bills"):
        op.drop_table(table)
    op.drop_index("ix_meter_readings_photo_id", table_name="meter_readings")
    op.drop_column("meter_readings", "photo_id")
    op.drop_table("material_uses")


def _one_of(column: str, *values: str) -> str:
    return f"{column} IN ({', '.join(map(repr, values))})"


def _closed(*over: str) -> str:
    return f"({_one_of('status', *over)}) = (closed_at IS NOT NULL)"


def _check(table: str, name: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def _index_live(*over: str) -> None:
    op.drop_index("uq_arrears_notices_live", table_name=_NOTICES)
    op.create_index(
        "uq_arrears_notices_live",
        _NOTICES,
        ["provider_id", "account_number"],
        unique=True,
        postgresql_where=sa.text(f"status NOT IN ({', '.join(map(repr, over))})"),
    )
