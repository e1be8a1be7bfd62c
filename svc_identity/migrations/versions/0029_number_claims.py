"""Whoever has a number that an account still uses waits for it."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "number_claims",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", _TIME, nullable=False),
        sa.Column("releases_at", _TIME, nullable=False),
        sa.Column("refused_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_number_claims_person_id_persons")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_number_claims")),
    )
    op.create_index("ix_number_claims_claimed_at", "number_claims", ["claimed_at"])


def downgrade() -> None:
    op.drop_table("number_claims")
