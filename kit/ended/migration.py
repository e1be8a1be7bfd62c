"""The migration of a service that keeps what has ended."""

import sqlalchemy as sa
from alembic import op


def create_ended_access() -> None:
    op.create_table(
        "ended_access",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("ended_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_ended_access")),
    )
    op.create_index("ix_ended_access_ended_until", "ended_access", ["ended_until"])


def drop_ended_access() -> None:
    op.drop_table("ended_access")
