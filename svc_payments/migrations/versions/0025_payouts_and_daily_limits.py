"""Payers prove themselves at counters, and operators have limits of refunds for each day."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payout_codes",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.CheckConstraint("wrong BETWEEN 0 AND 5", name=op.f("ck_payout_codes_wrong")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_payout_codes_refund_id_refunds")),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_payout_codes")),
    )
    op.create_table(
        "payout_approvals",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("till_session_id", sa.Uuid(), nullable=False),
        sa.Column("clerk_id", sa.Uuid(), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.CheckConstraint("approved_by <> clerk_id", name=op.f("ck_payout_approvals_second_person")),
        sa.CheckConstraint("wrong BETWEEN 0 AND 5", name=op.f("ck_payout_approvals_wrong")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_payout_approvals_refund_id_refunds")),
        sa.ForeignKeyConstraint(
            ["till_session_id"], ["till_sessions.id"], name=op.f("fk_payout_approvals_till_session_id_till_sessions")
        ),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_payout_approvals")),
    )
    op.create_table(
        "refund_operator_days",
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("refunds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("alone_refunds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("alone_fen", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("operator_id", "day", name=op.f("pk_refund_operator_days")),
    )
    op.add_column("till_payouts", sa.Column("proof", sa.Text(), nullable=True))
    op.add_column("till_payouts", sa.Column("approved_by", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("till_payouts", "approved_by")
    op.drop_column("till_payouts", "proof")
    op.drop_table("refund_operator_days")
    op.drop_table("payout_approvals")
    op.drop_table("payout_codes")
