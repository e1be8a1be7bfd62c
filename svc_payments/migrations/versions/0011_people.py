"""Receipts to verify, e-invoices and reminders."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "receipt_codes",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["receipts.payment_id"], name=op.f("fk_receipt_codes_payment_id_receipts")
        ),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_receipt_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_receipt_codes_code_hash")),
    )
    # refuse_change came with the first migration.
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt_codes "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("receipt_codes")
