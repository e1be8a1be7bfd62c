"""Refunds and reversals: what of a payment goes back, and has gone back; postings that are cancelled."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BEFORE_INCIDENTS = (
    "unknown_order",
    "other_merchant",
    "other_amount",
    "other_currency",
    "second_transaction",
    "transaction_reused",
    "money_held",
    "posting_refused",
    "cash_difference",
)
_INCIDENTS = (
    *_BEFORE_INCIDENTS,
    "posting_unanswered",
    "booked_after_reversal",
    "unknown_refund",
    "refund_disagrees",
    "refund_failed",
)
_BEFORE_POSTINGS = ("pending", "sending", "unknown", "booked", "refused")
_POSTINGS = (*_BEFORE_POSTINGS, "cancelling", "cancelled", "kept")
_STATUSES = (
    "requested",
    "proposed",
    "unbooking",
    "booking_kept",
    "started",
    "refunding",
    "unknown",
    "at_counter",
    "by_transfer",
    "refunded",
    "failed",
    "retried",
    "rejected",
)
_REASONS = (
    "posting_refused",
    "posting_unanswered",
    "money_held",
    "second_transaction",
    "paid_twice",
    "wrong_account",
    "overcharged",
    "agreed_with_provider",
    "other",
)


def upgrade() -> None:
    _allow("incidents", "kind", _INCIDENTS)
    _allow("postings", "status", _POSTINGS)
    for column in ("prepaid_kind", "prepaid_token", "prepaid_state"):
        op.add_column("postings", sa.Column(column, sa.Text(), nullable=True))
    op.add_column("postings", sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_postings_cancelling",
        "postings",
        ["provider_id", "try_at"],
        unique=False,
        postgresql_where=sa.text("status = 'cancelling'"),
    )
    op.add_column("payments", sa.Column("refunding_fen", sa.BigInteger(), server_default="0", nullable=False))
    for column in ("refunded_fen", "refunding_fen"):
        op.add_column("payment_lines", sa.Column(column, sa.BigInteger(), server_default="0", nullable=False))
    for table, name, rule in (
        ("payments", "refunding_fen", "refunding_fen BETWEEN 0 AND amount_fen - refunded_fen"),
        ("payment_lines", "refunded_fen", "refunded_fen BETWEEN 0 AND amount_fen"),
        ("payment_lines", "refunding_fen", "refunding_fen BETWEEN 0 AND amount_fen - refunded_fen"),
    ):
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)
    op.create_index(
        "ix_payment_lines_refunding",
        "payment_lines",
        ["bill_id"],
        unique=False,
        postgresql_where=sa.text("refunding_fen > 0"),
    )
    _create_second_transactions()
    _create_refunds()


def _create_second_transactions() -> None:
    op.create_table(
        "second_transactions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_second_transactions_amount_positive")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("fk_second_transactions_payment_id_payments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_second_transactions")),
        sa.UniqueConstraint("channel", "transaction_id", name=op.f("uq_second_transactions_channel_transaction_id")),
    )
    op.create_index(op.f("ix_second_transactions_payment_id"), "second_transactions", ["payment_id"], unique=False)
    # What a channel took is a fact; what becomes of it stands in its refund. refuse_change came with 0001.
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON second_transactions "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _create_refunds() -> None:
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("bill_id", sa.Uuid(), nullable=True),
        sa.Column("second_transaction_id", sa.Uuid(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("retry_of", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"status IN {_STATUSES}", name=op.f("ck_refunds_status")),
        sa.CheckConstraint(f"reason IN {_REASONS}", name=op.f("ck_refunds_reason")),
        sa.CheckConstraint("way IN ('channel', 'counter', 'bank_transfer')", name=op.f("ck_refunds_way")),
        sa.CheckConstraint("source IN ('clearing', 'provider', 'suspense')", name=op.f("ck_refunds_source")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_refunds_amount_positive")),
        sa.CheckConstraint("approved_by <> proposed_by", name=op.f("ck_refunds_two_people")),
        sa.CheckConstraint("bill_id IS NULL OR second_transaction_id IS NULL", name=op.f("ck_refunds_one_origin")),
        sa.ForeignKeyConstraint(
            ["payment_id", "bill_id"],
            ["payment_lines.payment_id", "payment_lines.bill_id"],
            name=op.f("fk_refunds_payment_id_bill_id_payment_lines"),
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payments.id"], name=op.f("fk_refunds_payment_id_payments")),
        sa.ForeignKeyConstraint(["retry_of"], ["refunds.id"], name=op.f("fk_refunds_retry_of_refunds")),
        sa.ForeignKeyConstraint(
            ["second_transaction_id"],
            ["second_transactions.id"],
            name=op.f("fk_refunds_second_transaction_id_second_transactions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("number", name=op.f("uq_refunds_number")),
        sa.UniqueConstraint("retry_of", name=op.f("uq_refunds_retry_of")),
    )
    op.create_index(
        "uq_refunds_second_transaction_id",
        "refunds",
        ["second_transaction_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'retried'"),
    )
    op.create_index(
        "ix_refunds_due", "refunds", ["ask_at"], unique=False, postgresql_where=sa.text("ask_at IS NOT NULL")
    )
    op.create_index("ix_refunds_status_id", "refunds", ["status", "id"], unique=False)
    op.create_index(op.f("ix_refunds_payment_id"), "refunds", ["payment_id"], unique=False)


def downgrade() -> None:
    """Back to the schema before; refused by it once a posting or an incident is one that it does not know."""
    op.drop_table("refunds")
    op.drop_table("second_transactions")
    op.drop_index("ix_payment_lines_refunding", table_name="payment_lines")
    for column in ("refunding_fen", "refunded_fen"):
        op.drop_column("payment_lines", column)
    op.drop_column("payments", "refunding_fen")
    op.drop_index("ix_postings_cancelling", table_name="postings")
    for column in ("given_up_at", "prepaid_state", "prepaid_token", "prepaid_kind"):
        op.drop_column("postings", column)
    _allow("postings", "status", _BEFORE_POSTINGS)
    _allow("incidents", "kind", _BEFORE_INCIDENTS)


def _allow(table: str, column: str, values: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table)
    op.create_check_constraint(name, table, f"{column} IN {values}")
