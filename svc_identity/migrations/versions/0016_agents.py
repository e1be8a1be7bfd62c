"""Organisations have agents, their clients several keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, without

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_SEALED = (
    SealedTable("represented_organisations"),
    SealedTable("mandates", without("phone_index", "name_index", "phone_masked")),
)
_MANDATE_RULES = {
    "status": "status IN ('proposed', 'active', 'declined', 'withdrawn', 'expired')",
    "accepted": "(agent_id IS NULL) = (accepted_at IS NULL)",
    "agent_known": "status <> 'active' OR agent_id IS NOT NULL",
    "ended": "(status IN ('proposed', 'active')) = (ended_at IS NULL)",
}
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("clients", sa.Column("keys_fetched", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("clients", sa.Column("key_unknown_at", sa.DateTime(timezone=True), nullable=True))
    _create_representation()
    _create_mandates()
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


def _create_mandates() -> None:
    references = {"organisation_id": "represented_organisations"}
    references |= dict.fromkeys(("agent_id", "proposed_by", "ended_by"), "persons")
    op.create_table(
        "mandates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone_masked", sa.Text(), nullable=False),
        sa.Column("name_index", sa.LargeBinary(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        *(sa.Column(name, postgresql.ARRAY(sa.Text()), nullable=False) for name in ("scopes", "division_codes")),
        sa.Column("valid_until", _TIME, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", _TIME, nullable=False),
        sa.Column("accepted_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_mandates_{name}")) for name, rule in _MANDATE_RULES.items()),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_mandates_{column}_{table}"))
            for column, table in references.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mandates")),
    )
    live = sa.text("status IN ('proposed', 'active')")
    op.create_index(
        "uq_mandates_live", "mandates", ["organisation_id", "phone_index"], unique=True, postgresql_where=live
    )
    op.create_index("ix_mandates_organisation_id_id", "mandates", ["organisation_id", "id"])
    for column in ("agent_id", "phone_index"):
        op.create_index(f"ix_mandates_{column}", "mandates", [column])


def downgrade() -> None:
    shorten_trail(_SEALED)
    for table in ("mandates", "representation_checks", "represented_organisations"):
        op.drop_table(table)
    for column in ("key_unknown_at", "keys_fetched"):
        op.drop_column("clients", column)
