"""Bills of fees that applications cost."""

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_SEALED = (SealedTable("application_fees"),)
_KINDS = ("regular", "advance", "top_up")
_REASONS = (
    *("meter_error", "court_case", "arrears_write_off", "tariff_correction", "duplicate", "billing_error"),
    *("account_closed", "other", "not_stated", "past_expiry", "replaced", "not_named", "named_again"),
)
_REFUNDED_BECAUSE = (
    *("posting_refused", "posting_unanswered", "money_held", "second_transaction", "paid_twice", "wrong_account"),
    *("overcharged", "agreed_with_provider", "other"),
)


def upgrade() -> None:
    for table in ("bills", "postings"):
        _allow(table, "kind", *_KINDS, "application_fee")
    for table in ("bills", "bill_versions"):
        _allow(table, "reason", *_REASONS, "fee_withdrawn")
    _allow("refunds", "reason", *_REFUNDED_BECAUSE, "application_ended")
    _create_fees()
    extend_trail(_SEALED)


def _create_fees() -> None:
    op.create_table(
        "application_fees",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("bill_id", sa.Uuid(), nullable=True),
        sa.Column("booked_at", _TIME, nullable=True),
        sa.Column("withdrawn_at", _TIME, nullable=True),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.Column("told", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_application_fees_amount_positive")),
        sa.CheckConstraint("bill_id = id", name=op.f("ck_application_fees_bill_id")),
        sa.CheckConstraint(
            "settled_at IS NULL OR withdrawn_at IS NOT NULL", name=op.f("ck_application_fees_settled_at")
        ),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_application_fees_bill_id_bills")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_fees")),
    )
    op.create_index("ix_application_fees_person_id", "application_fees", ["person_id"])
    op.create_index("ix_application_fees_bill_id", "application_fees", ["bill_id"])
    op.create_index(
        "ix_application_fees_returning",
        "application_fees",
        ["id"],
        postgresql_where=sa.text("withdrawn_at IS NOT NULL AND settled_at IS NULL"),
    )


def downgrade() -> None:
    """Back to the schema before; refused by it once an application has cost a fee."""
    shorten_trail(_SEALED)
    op.drop_table("application_fees")
    _allow("refunds", "reason", *_REFUNDED_BECAUSE)
    for table in ("bill_versions", "bills"):
        _allow(table, "reason", *_REASONS)
    for table in ("postings", "bills"):
        _allow(table, "kind", *_KINDS)


def _allow(table: str, column: str, *values: str) -> None:
    """Change which values a column may have."""
    name = op.f(f"ck_{table}_{column}")
    op.drop_constraint(name, table)
    op.create_check_constraint(name, table, f"{column} IN ({', '.join(map(repr, values))})")
