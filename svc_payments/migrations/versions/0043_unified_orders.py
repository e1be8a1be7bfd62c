"""Payees and orders of mini-apps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_SEALED = (
    SealedTable("payees"),
    SealedTable("payee_apps"),
    SealedTable("app_orders"),
    SealedTable("app_order_refunds", key=f"concat_ws(' ', {ROW}.app_id, {ROW}.refund_number)"),
)
_KINDS = ("regular", "advance", "top_up", "application_fee")
_REFUNDED_BECAUSE = (
    *("posting_refused", "posting_unanswered", "money_held", "second_transaction", "application_ended"),
    *("paid_twice", "wrong_account", "overcharged", "agreed_with_provider", "other"),
)


def upgrade() -> None:
    for table in ("bills", "postings"):
        _allow(table, "kind", *_KINDS, "app_order")
    _allow("refunds", "reason", *_REFUNDED_BECAUSE, "payee_decided")
    _create_payees()
    _create_apps()
    _create_orders()
    extend_trail(_SEALED)


def _create_payees() -> None:
    op.create_table(
        "payees",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("division_code", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("bank_name", sa.Text(), nullable=False),
        sa.Column("bank_account", sa.Text(), nullable=False),
        sa.Column("purposes", ARRAY(sa.Text()), nullable=False),
        sa.Column("most_fen", sa.BigInteger(), nullable=False),
        sa.Column("day_most_fen", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", _TIME, nullable=True),
        sa.Column("suspended_by", sa.Uuid(), nullable=True),
        sa.Column("suspended_at", _TIME, nullable=True),
        sa.CheckConstraint("kind IN ('public_body', 'public_institution')", name=op.f("ck_payees_kind")),
        sa.CheckConstraint("status IN ('proposed', 'approved', 'refused', 'suspended')", name=op.f("ck_payees_status")),
        sa.CheckConstraint(
            "most_fen BETWEEN 1 AND 100000000 AND day_most_fen >= most_fen", name=op.f("ck_payees_limits")
        ),
        sa.CheckConstraint("cardinality(purposes) > 0", name=op.f("ck_payees_purposes")),
        sa.CheckConstraint("approved_by <> proposed_by", name=op.f("ck_payees_second_person")),
        sa.CheckConstraint(
            "(status IN ('approved', 'suspended')) = (approved_by IS NOT NULL)", name=op.f("ck_payees_approved_by")
        ),
        sa.CheckConstraint("(status = 'suspended') = (suspended_at IS NOT NULL)", name=op.f("ck_payees_suspended_at")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payees")),
    )
    op.create_index("uq_payees_uscc", "payees", ["uscc"], unique=True, postgresql_where=sa.text("status <> 'refused'"))
    op.create_table(
        "payee_days",
        sa.Column("payee_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["payee_id"], ["payees.id"], name=op.f("fk_payee_days_payee_id_payees")),
        sa.PrimaryKeyConstraint("payee_id", "day", name=op.f("pk_payee_days")),
    )


def _create_apps() -> None:
    op.create_table(
        "mini_apps",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_mini_apps")),
    )
    op.create_table(
        "payee_apps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payee_id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("agreed_by", sa.Uuid(), nullable=True),
        sa.Column("agreed_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint("agreed_by <> proposed_by", name=op.f("ck_payee_apps_second_person")),
        sa.CheckConstraint("(agreed_by IS NULL) = (agreed_at IS NULL)", name=op.f("ck_payee_apps_agreed")),
        sa.CheckConstraint("(ended_by IS NULL) = (ended_at IS NULL)", name=op.f("ck_payee_apps_ended")),
        sa.ForeignKeyConstraint(["payee_id"], ["payees.id"], name=op.f("fk_payee_apps_payee_id_payees")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payee_apps")),
    )
    op.create_index(
        "uq_payee_apps_in_force",
        "payee_apps",
        ["payee_id", "app_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _create_orders() -> None:
    op.create_table(
        "app_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("payee_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("openid", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("description", JSONB(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("closing", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("changed_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('open', 'paying', 'paid', 'refunded', 'closed', 'expired')", name=op.f("ck_app_orders_status")
        ),
        sa.CheckConstraint("amount_fen BETWEEN 1 AND 100000000", name=op.f("ck_app_orders_amount_fen")),
        sa.CheckConstraint(
            "(status IN ('paying', 'paid', 'refunded')) = (payment_id IS NOT NULL)",
            name=op.f("ck_app_orders_payment_id"),
        ),
        sa.CheckConstraint("payment_id IS NULL OR person_id IS NOT NULL", name=op.f("ck_app_orders_person_id")),
        sa.ForeignKeyConstraint(["payee_id"], ["payees.id"], name=op.f("fk_app_orders_payee_id_payees")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_orders")),
        sa.UniqueConstraint("app_id", "order_number", name=op.f("uq_app_orders_app_id_order_number")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_app_orders_payment_id")),
    )
    op.create_index("ix_app_orders_app_id_changed_at", "app_orders", ["app_id", "changed_at"])
    op.create_index("ix_app_orders_person_id_id", "app_orders", ["person_id", "id"])
    op.create_index(
        "ix_app_orders_unpaid",
        "app_orders",
        ["expires_at"],
        postgresql_where=sa.text("status IN ('open', 'paying')"),
    )
    op.create_table(
        "app_order_refunds",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("refund_number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_app_order_refunds_amount_positive")),
        sa.ForeignKeyConstraint(["order_id"], ["app_orders.id"], name=op.f("fk_app_order_refunds_order_id_app_orders")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_app_order_refunds_refund_id_refunds")),
        sa.PrimaryKeyConstraint("app_id", "refund_number", name=op.f("pk_app_order_refunds")),
        sa.UniqueConstraint("refund_id", name=op.f("uq_app_order_refunds_refund_id")),
    )
    op.create_index("ix_app_order_refunds_order_id", "app_order_refunds", ["order_id"])


def downgrade() -> None:
    """Back to the schema before; refused by it once an order was paid."""
    shorten_trail(_SEALED)
    tables = ("app_order_refunds", "app_orders", "payee_apps", "mini_apps", "payee_days", "payees")
    for table in tables:
        op.drop_table(table)
    _allow("refunds", "reason", *_REFUNDED_BECAUSE)
    for table in ("postings", "bills"):
        _allow(table, "kind", *_KINDS)


def _allow(table: str, column: str, *values: str) -> None:
    """Change which values a column may have."""
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table)
    op.create_check_constraint(name, table, f"{column} IN ({', '.join(map(repr, values))})")
