"""Organisations have agents, their clients several keys."""

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_SEALED = (SealedTable("represented_organisations"),)
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("clients", sa.Column("keys_fetched", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("clients", sa.Column("key_unknown_at", sa.DateTime(timezone=True), nullable=True))
    _create_representation()
    extend_trail(_SEALED)


def _create_representation() -> None:
    op.create_table(
        "represented_organisations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("representative_id", sa.Uuid(), nullable=False),
        sa.Column("claimed_at", _TIME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["representative_id"], ["persons.id"], name=op.f("fk_represented_organisations_representative_id_persons")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_represented_organisations")),
        sa.UniqueConstraint("uscc", name=op.f("uq_represented_organisations_uscc")),
    )
    representative = op.f("ix_represented_organisations_representative_id")
    op.create_index(representative, "represented_organisations", ["representative_id"])
    op.create_table(
        "representation_checks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("uscc", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "outcome IN ('pending', 'match', 'no_match', 'no_record', 'revoked', 'unavailable')",
            name=op.f("ck_representation_checks_outcome"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_representation_checks_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_representation_checks")),
    )
    op.create_index(
        "ix_representation_checks_person_id_started_at", "representation_checks", ["person_id", "started_at"]
    )


def downgrade() -> None:
    shorten_trail(_SEALED)
    for table in ("representation_checks", "represented_organisations"):
        op.drop_table(table)
    for column in ("key_unknown_at", "keys_fetched"):
        op.drop_column("clients", column)
