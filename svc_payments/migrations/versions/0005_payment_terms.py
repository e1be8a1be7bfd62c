"""Providers' payment terms, bill inquiries and top-ups."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "payment_terms",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wanted_from", sa.Date(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_payment_terms_version_positive")),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["providers.provider_id"], name=op.f("fk_payment_terms_provider_id_providers")
        ),
        sa.PrimaryKeyConstraint("provider_id", "version", name=op.f("pk_payment_terms")),
        sa.UniqueConstraint(
            "provider_id", "version", "proposed_by", name=op.f("uq_payment_terms_provider_id_version_proposed_by")
        ),
    )
    op.create_table(
        "payment_terms_approvals",
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=False),
        sa.Column("in_force_from", sa.Date(), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("approved_by <> proposed_by", name=op.f("ck_payment_terms_approvals_second_person")),
        sa.ForeignKeyConstraint(
            ["provider_id", "version", "proposed_by"],
            ["payment_terms.provider_id", "payment_terms.version", "payment_terms.proposed_by"],
            name=op.f("fk_payment_terms_approvals_version"),
        ),
        sa.PrimaryKeyConstraint("provider_id", "version", name=op.f("pk_payment_terms_approvals")),
    )
    # refuse_change came with the first migration.
    for table in ("payment_terms", "payment_terms_approvals"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.add_column("postings", sa.Column("kind", sa.Text(), server_default="regular", nullable=False))
    op.add_column("postings", sa.Column("late_fee_fen", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("postings", sa.Column("bill_amount_fen", sa.BigInteger(), nullable=True))
    op.create_check_constraint(op.f("ck_postings_kind"), "postings", "kind IN ('regular', 'advance', 'top_up')")
    op.create_check_constraint(
        op.f("ck_postings_late_fee_fen"), "postings", "late_fee_fen >= 0 AND late_fee_fen <= amount_fen"
    )


def downgrade() -> None:
    for column in ("bill_amount_fen", "late_fee_fen", "kind"):
        op.drop_column("postings", column)
    op.drop_table("payment_terms_approvals")
    op.drop_table("payment_terms")
