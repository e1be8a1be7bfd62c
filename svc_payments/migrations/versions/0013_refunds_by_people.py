"""Refunds that people decide: why one is rejected, and what tills pay out."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refunds", sa.Column("rejection", sa.Text(), nullable=True))
    op.create_table(
        "till_payouts",
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("till_session_id", sa.Uuid(), nullable=False),
        sa.Column("cash_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("cash_fen >= 0", name=op.f("ck_till_payouts_cash_fen")),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("fk_till_payouts_refund_id_refunds")),
        sa.ForeignKeyConstraint(
            ["till_session_id"], ["till_sessions.id"], name=op.f("fk_till_payouts_till_session_id_till_sessions")
        ),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_till_payouts")),
    )
    op.create_index("ix_till_payouts_till_session_id", "till_payouts", ["till_session_id"])
    op.execute("""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON till_payouts
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)


def downgrade() -> None:
    op.drop_table("till_payouts")
    op.drop_column("refunds", "rejection")
