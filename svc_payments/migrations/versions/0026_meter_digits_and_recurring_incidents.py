"""Meters that begin again at 0, and incidents that recur after they were resolved."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_TABLES = ("bills", "bill_versions")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("meter_digits", sa.SmallInteger(), nullable=True))
    op.add_column("incidents", sa.Column("times", sa.Integer(), server_default="1", nullable=False))
    op.drop_constraint(op.f("uq_incidents_kind_subject"), "incidents", type_="unique")
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["kind", "subject"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index("ix_incidents_kind_subject", "incidents", ["kind", "subject"])


def downgrade() -> None:
    op.drop_index("ix_incidents_kind_subject", table_name="incidents")
    op.drop_index("uq_incidents_open", table_name="incidents", postgresql_where=sa.text("resolved_at IS NULL"))
    op.execute(
        "DELETE FROM incidents AS one USING incidents AS later WHERE one.kind = later.kind "
        "AND one.subject = later.subject AND one.times < later.times"
    )
    op.create_unique_constraint(op.f("uq_incidents_kind_subject"), "incidents", ["kind", "subject"])
    op.drop_column("incidents", "times")
    for table in _TABLES:
        op.drop_column(table, "meter_digits")
