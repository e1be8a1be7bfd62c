"""Bills by inquiry, top-ups, and cards of prepaid meters."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_REASONS = (
    "meter_error",
    "court_case",
    "arrears_write_off",
    "tariff_correction",
    "duplicate",
    "billing_error",
    "account_closed",
    "other",
    "not_stated",
    "past_expiry",
    "replaced",
)
_BY_INQUIRY = ("not_named", "named_again")
_OBSTACLES = "'no_account', 'closed', 'not_payable_online', 'payment_unfinished'"
_NO_ANSWER = "'no_answer', 'unusable'"


def upgrade() -> None:
    _allow_reasons((*_REASONS, *_BY_INQUIRY))
    op.create_table(
        "bill_inquiries",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("inquiry_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.CheckConstraint(
            f"result IN ('due', 'nothing_due', {_OBSTACLES}, {_NO_ANSWER})", name=op.f("ck_bill_inquiries_result")
        ),
        sa.PrimaryKeyConstraint("provider_id", "account_number", name=op.f("pk_bill_inquiries")),
    )
    op.create_table(
        "inquired_bills",
        sa.Column("bill_id", sa.Uuid(), nullable=False),
        sa.Column("inquiry_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name=op.f("fk_inquired_bills_bill_id_bills")),
        sa.PrimaryKeyConstraint("bill_id", name=op.f("pk_inquired_bills")),
    )
    op.create_table(
        "top_up_validations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.CheckConstraint(
            f"result IN ('accepted', {_OBSTACLES}, 'not_purchasable', 'above_purchasable', {_NO_ANSWER})",
            name=op.f("ck_top_up_validations_result"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_top_up_validations")),
    )
    op.create_index(
        "ix_top_up_validations_person_id_asked_at", "top_up_validations", ["person_id", "asked_at"], unique=False
    )
    op.create_index(op.f("ix_top_up_validations_asked_at"), "top_up_validations", ["asked_at"], unique=False)
    op.create_table(
        "card_writings",
        sa.Column("posting_id", sa.Uuid(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("ask_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["posting_id"], ["postings.id"], name=op.f("fk_card_writings_posting_id_postings")),
        sa.PrimaryKeyConstraint("posting_id", name=op.f("pk_card_writings")),
    )
    op.create_index(
        "ix_card_writings_due",
        "card_writings",
        ["ask_at"],
        unique=False,
        postgresql_where=sa.text("ask_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("card_writings")
    op.drop_table("top_up_validations")
    op.drop_table("inquired_bills")
    op.drop_table("bill_inquiries")
    _allow_reasons(_REASONS)


def _allow_reasons(reasons: tuple[str, ...]) -> None:
    for table in ("bills", "bill_versions"):
        name = op.f(f"ck_{table}_reason")
        op.drop_constraint(name, table)
        op.create_check_constraint(name, table, f"reason IN ({', '.join(map(repr, reasons))})")
