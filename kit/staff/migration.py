"""The migration of a service that keeps roles."""

import sqlalchemy as sa
from alembic import op


def create_staff_roles() -> None:
    op.create_table(
        "staff_roles",
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("membership_id", name=op.f("pk_staff_roles")),
    )
    op.create_index("ix_staff_roles_person_id", "staff_roles", ["person_id"])


def add_divisions() -> None:
    """Keep in which division a role holds; svc_identity announces all roles again."""
    op.add_column("staff_roles", sa.Column("division_code", sa.Text(), nullable=True))


def drop_divisions() -> None:
    op.drop_column("staff_roles", "division_code")


def drop_staff_roles() -> None:
    op.drop_table("staff_roles")
