"""Fees of applications."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ACTORS = ("citizen", "clerk", "operator", "provider", "system")


def upgrade() -> None:
    op.create_table(
        "application_fees",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("payable_until", sa.Date(), nullable=True),
        sa.Column("quoted_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME, nullable=True),
        sa.Column("withdrawn_at", _TIME, nullable=True),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_application_fees_amount_positive")),
        sa.CheckConstraint(
            "status IN ('unpaid', 'paying', 'paid', 'refunded')", name=op.f("ck_application_fees_status")
        ),
        sa.CheckConstraint("used_at IS NULL OR withdrawn_at IS NULL", name=op.f("ck_application_fees_one_end")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_application_fees_application_id_applications")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_fees")),
    )
    op.create_index(
        "uq_application_fees_asked",
        "application_fees",
        ["application_id"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL AND used_at IS NULL"),
    )
    op.create_index("ix_application_fees_application_id_id", "application_fees", ["application_id", "id"])
    _act(*_ACTORS, "payment", alone="'system', 'payment'")


def downgrade() -> None:
    """Back to the schema before; refused by it once a payment has moved a case."""
    _act(*_ACTORS, alone="'system'")
    op.drop_table("application_fees")


def _act(*actors: str, alone: str) -> None:
    """Change who takes steps, and which of them are nobody."""
    rules = {
        "actor": f"actor IN ({', '.join(map(repr, actors))})",
        "actor_id": f"(actor IN ({alone})) = (actor_id IS NULL)",
    }
    for name, rule in rules.items():
        op.drop_constraint(op.f(f"ck_application_steps_{name}"), "application_steps")
        op.create_check_constraint(op.f(f"ck_application_steps_{name}"), "application_steps", rule)
